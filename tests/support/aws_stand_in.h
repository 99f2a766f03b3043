// SPDX-License-Identifier: Apache-2.0
//
// AWS' APIs on a port of loopback, for tests: the Python program in aws_stand_in/, whose __main__.py says what state it
// takes. It knows nothing of our code: signatures are checked by the published algorithm, and answers have the shapes
// of AWS' API references.
#pragma once

#include <memory>
#include <optional>
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

    void end();       // nobody listens there any more
    Result<> again(); // at the same port, without a state

    /// All that there is, and nothing of what there was. Only where it was started in this network namespace.
    Result<> set(const nlohmann::json& state) const;
    /// What was asked since then: [{"service", "action", "region", "access_key", "parameters", "status"}]
    Result<nlohmann::json> calls() const;

private:
    explicit AwsStandIn(const Netns* netns) : netns_(netns) {}
    Result<std::string> control(const std::string& method, const std::string& what, const std::string& body) const;

    const Netns* netns_; // outlives it; nullptr = here
    std::optional<Process> process_;
    uint16_t port_ = 0; // 0: it hasn't been started yet
};

} // namespace bulkhead::test
