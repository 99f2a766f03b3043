// SPDX-License-Identifier: Apache-2.0
//
// Where keys come from, in the order of AWS' SDKs: the environment, a role for a web identity token (IRSA), EKS Pod
// Identity, the instance profile. The first that is set up is the one: where it fails, the next is not tried, because
// calls would then be made as somebody else (the node), with other rights, and nobody would notice.
//
// On top of that a role of another account, for resources that name one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aws/client.h"
#include "aws/credentials.h"
#include "aws/environment.h"
#include "aws/key_source.h"
#include "aws/sts.h"

namespace bulkhead::aws {

class KeyChain : public KeySource {
public:
    /// `region` is whose STS is asked. `http` and `client` outlive it.
    KeyChain(const Environment& environment, const std::string& region, Http& http, Client& client);
    std::string name() const override { return source_->name(); }
    Answer<Keys> fetch(const std::stop_token& stop) override;

private:
    std::unique_ptr<KeySource> source_;
    std::string passed_over_; // those before it, and why it is none of them
};

/// Keys of a role that those of `base` may take on.
class AssumedRole : public KeySource {
public:
    /// `client` and `base` outlive it.
    AssumedRole(Client& client, Credentials& base, std::string region, Role role)
        : client_(client), base_(base), region_(std::move(region)), role_(std::move(role)) {}
    std::string name() const override { return "role " + role_.arn; }
    Answer<Keys> fetch(const std::stop_token& stop) override;

private:
    Client& client_;
    Credentials& base_;
    const std::string region_;
    const Role role_;
};

} // namespace bulkhead::aws
