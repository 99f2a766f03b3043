// SPDX-License-Identifier: Apache-2.0
//
// AWS' APIs on a port of loopback, for tests: the Python program in aws_stand_in/, whose __main__.py says what state it
// takes. It knows nothing of our code: signatures are checked by the published algorithm, and answers have the shapes
// of AWS' API references.
#pragma once

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "support/process.h"

namespace bulkhead::test {

class AwsStandIn {
public:
    /// Comes back when it answers; in `netns`, whose loopback must be up, or here.
    static Result<std::unique_ptr<AwsStandIn>> start(const Netns* netns = nullptr);

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    uint16_t port() const { return port_; }

    /// All that there is, and nothing of what there was. Only where it was started in this network namespace.
    Result<> set(const nlohmann::json& state) const;
    /// What was asked since then: [{"service", "action", "region", "access_key", "parameters", "status"}]
    Result<nlohmann::json> calls() const;

private:
    AwsStandIn(Process process, uint16_t port) : process_(std::move(process)), port_(port) {}
    Result<std::string> control(const std::string& method, const std::string& what, const std::string& body) const;

    Process process_;
    uint16_t port_;
};

} // namespace bulkhead::test
