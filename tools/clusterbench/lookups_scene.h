// SPDX-License-Identifier: Apache-2.0
//
// An account with what some hundred AWSResources name, the resources and Nodes in the API server, and a name and a
// security group whose addresses move. AWS is the tests' stand-in, DNS a real server.
#pragma once

#include <memory>

#include "api_client.h"
#include "place.h"
#include "support/aws_stand_in.h"
#include "support/dns_server.h"

namespace bulkhead::bench {

struct Account {
    uint32_t resources = 500; // of a security group each; every second one of a subnet, too; every fifth of a tag
    uint32_t nodes = 1000;
    uint32_t list_entries = 1000; // of a customer's prefix list, beside AWS' own for S3

    uint32_t subnets() const { return resources / 2; }
    uint32_t clusters() const { return resources / 5; } // of two instances each
};

/// What one hour of looking all that up should be, by action, from the page sizes of AWS' APIs.
struct Expected {
    std::string action;
    double per_hour;
};
std::vector<Expected> expected_calls(const Account& account, uint32_t interval);

class LookUpScene {
public:
    static constexpr uint32_t kTtl = 5; // Aurora's

    static Result<std::unique_ptr<LookUpScene>> build(ApiClient& client, const Account& account);

    /// A controller with keys of its own, by which the calls tell who made them: "AKID" and its name.
    Result<test::Process> controller(const Place& place, const std::string& name, uint32_t interval) const;

    /// Until AWS and DNS answer whatever the resources name.
    Result<> wait_until_resolved(ApiClient& client) const;

    /// What stood there before stands there no more. Comes back once DNS, or AWS, says so.
    Result<> move_name(const Address& to) const;
    Result<> move_interface(const Address& to);

    /// All calls since the last change of the account, by action; of one who calls, or of everybody.
    Result<std::map<std::string, uint32_t>> calls(const std::string& by = "") const;
    /// None from now on.
    Result<> forget_calls();

private:
    explicit LookUpScene(const Account& account) : account_(account) {}

    Account account_;
    Json state_;
    std::unique_ptr<test::AwsStandIn> aws_;
    std::unique_ptr<test::DnsServer> dns_;
};

} // namespace bulkhead::bench
