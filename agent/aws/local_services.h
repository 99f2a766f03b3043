// SPDX-License-Identifier: Apache-2.0
//
// The two services on link-local addresses that hand out keys without knowing any: EKS' Pod Identity agent to a pod,
// and the instance metadata service to whoever reaches it. Asked directly, never through a proxy, and in the clear:
// that is why only addresses that can't leave the node are asked.
#pragma once

#include <memory>
#include <string>

#include "aws/environment.h"
#include "aws/http.h"
#include "aws/key_source.h"

namespace bulkhead::aws {

/// EKS Pod Identity, by AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE (AWS SDKs
/// reference, "Container credential provider").
class ContainerKeys : public KeySource {
public:
    ContainerKeys(const Environment& environment, Http& http);
    std::string name() const override { return "Pod Identity"; }
    Answer<Keys> fetch(const std::stop_token& stop) override;

private:
    Answer<HttpRequest> request() const;

    const std::string url_;
    const std::string token_file_;
    const std::string token_;
    Http& http_;
};

/// The instance profile, by version 2 of the metadata service: a token first, then the keys (EC2 user guide, "Use
/// IMDSv2").
class InstanceKeys : public KeySource {
public:
    InstanceKeys(const Environment& environment, Http& http);
    std::string name() const override { return "instance profile"; }
    Answer<Keys> fetch(const std::stop_token& stop) override;

    /// The region that the instance is in.
    Answer<std::string> region(const std::stop_token& stop);

private:
    Answer<std::string> token(const std::stop_token& stop);
    Answer<std::string> get(const std::string& path, const std::string& token, const std::stop_token& stop);

    const std::string endpoint_; // without a slash at its end
    Http& http_;
};

} // namespace bulkhead::aws
