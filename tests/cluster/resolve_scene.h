// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-controller with an API server, a DNS server and what stands in for AWS, and what it publishes of
// AWSResources.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "controller_process.h"
#include "support/aws_stand_in.h"
#include "support/dns_server.h"

namespace bulkhead::test {

using Texts = std::set<std::string>;
using TextsByName = std::map<std::string, Texts>;

constexpr auto kGroup = "sg-0123456789abcdef0";
constexpr auto kOtherRole = "arn:aws:iam::444455556666:role/bulkhead";

/// An account in which that group sits on interfaces with these addresses, and on a node's.
inline Json account(const std::vector<std::string>& addresses, const Json& faults = Json::array()) {
    auto interfaces = Json::array({{{"id", "eni-node"},
                                    {"groups", {kGroup}},
                                    {"instance", "i-0123456789abcdef0"},
                                    {"ipv4", {"10.0.0.1", "10.0.0.2"}}}});
    for (const auto& address : addresses)
        interfaces.push_back({{"id", "eni-" + address}, {"groups", {kGroup}}, {"ipv4", {address}}});
    return {{"identities", Json::array({{{"access_key", "AKIDOWN"},
                                         {"secret_key", "own/secret+key"},
                                         {"arn", "arn:aws:iam::111122223333:user/bulkhead"},
                                         {"account", "111122223333"}}})},
            {"places",
             Json::array({{{"account", "111122223333"}, {"region", "eu-central-1"}, {"interfaces", interfaces}}})},
            {"faults", faults}};
}

/// From now on, for longer than the test lasts.
inline Json throttling() {
    return Json::array({{{"service", "ec2"},
                         {"times", 1'000'000},
                         {"status", 503},
                         {"code", "RequestLimitExceeded"},
                         {"message", "Request limit exceeded."}}});
}

/// Of an object as kubectl has it; status "none": it has no such condition.
inline Json condition_of(const Json& object, const std::string& type) {
    const auto status = object.value("status", Json::object());
    for (const auto& one : status.value("conditions", Json::array()))
        if (one.at("type") == type) return one;
    return Json{{"status", "none"}, {"reason", ""}, {"message", ""}};
}

inline Texts addresses_of(const Json& slice) {
    return slice.at("spec").at("addresses").get<Texts>();
}

/// All versions of the IdentitySlices of AWSResources that there are from now on, in the order of their writing.
class SliceWatch {
public:
    explicit SliceWatch(const ApiServer& server)
        : process_(require(
              Process::start({require(cluster_asset("kubectl")).string(), "--kubeconfig", server.kubeconfig().string(),
                              "get", "identityslices", "--watch", "--output-watch-events", "-o", "json"}))) {
        REQUIRE(wait_until([this] { return !versions().empty(); }, after(30s), 50ms));
    }

    /// By resource, none of which has more than one slice; one that was deleted has no addresses.
    std::vector<std::pair<std::string, Texts>> versions() const {
        const auto output = "\n" + process_.output();
        std::vector<std::pair<std::string, Texts>> all;
        for (size_t begin = 0, end = 0; begin != std::string::npos; begin = end) {
            end = output.find("\n{", begin + 1); // where the next event begins
            const auto event = Json::parse(output.substr(begin, end - begin), nullptr, false);
            if (event.is_discarded()) continue; // not all of it has come yet
            const auto& slice = event.at("object");
            all.emplace_back(slice.at("spec").at("awsResource"),
                             event.at("type") == "DELETED" ? Texts{} : addresses_of(slice));
        }
        return all;
    }

    /// None of them had less than that, up to one that has `last`.
    void check_never_less(const TextsByName& least, const TextsByName& last) const {
        TextsByName now;
        const auto has_come = [&] {
            for (const auto& [resource, addresses] : versions())
                now[resource] = addresses;
            return now == last;
        };
        CHECK(wait_until(has_come, after(30s), 50ms));
        for (const auto& [resource, addresses] : versions()) {
            INFO(resource << " has " << Json(addresses).dump());
            CHECK(std::ranges::includes(addresses, least.at(resource)));
        }
    }

private:
    Process process_;
};

struct Scene {
    explicit Scene(const std::vector<std::string>& more = {}) : options(more) {
        setenv("AWS_ENDPOINT_URL", aws->url().c_str(), 1);
        setenv("AWS_REGION", "eu-central-1", 1);
        setenv("AWS_ACCESS_KEY_ID", "AKIDOWN", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "own/secret+key", 1);
        require(aws->set(account({"10.1.0.1", "10.1.0.2"})));
        put(server, "apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\n"
                    "spec: {providerID: 'aws:///eu-central-1a/i-0123456789abcdef0'}\n---\n"
                    "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                    "spec: {addresses: {hostnames: [writer.db.test], securityGroups: [" +
                        std::string(kGroup) + "]}}\n---\n");
    }

    std::unique_ptr<ControllerProcess> controller(const std::string& name) const {
        std::vector<std::string> words{"--dns-server", dns->text(), "--resolve-interval", "1"};
        words.insert(words.end(), options.begin(), options.end());
        return std::make_unique<ControllerProcess>(server.kubeconfig(), name, nullptr, words);
    }

    /// All that the resource's slices say.
    Texts published() const {
        Texts all;
        const auto slices = object(server, {"identityslices", "-l", "bulkhead.dev/aws-resource=aurora"});
        for (const auto& slice : slices.at("items")) {
            CHECK(slice.at("spec").at("awsResource") == "aurora");
            CHECK(slice.at("metadata").at("labels").at("bulkhead.dev/scope") == "all");
            CHECK(slice.at("metadata").at("annotations").contains("bulkhead.dev/seen-at"));
            for (const auto& address : slice.at("spec").at("addresses"))
                CHECK(all.insert(address).second);
        }
        return all;
    }

    /// By what the slices of that resource say of their tenant.
    TextsByName published_by_tenant(const std::string& resource) const {
        TextsByName all;
        const auto slices = object(server, {"identityslices", "-l", "bulkhead.dev/aws-resource=" + resource});
        for (const auto& slice : slices.at("items"))
            for (const auto& address : slice.at("spec").at("addresses"))
                all[slice.at("spec").value("tenant", "")].insert(address.get<std::string>());
        return all;
    }

    bool becomes(const Texts& expected) const {
        const bool is_so = wait_until([&] { return published() == expected; }, after(30s), 100ms);
        INFO(Json(published()).dump());
        CHECK(is_so);
        return is_so;
    }

    /// On that resource, with that reason.
    std::vector<Json> events(const std::string& reason) const {
        const auto all = object(server, {"events", "-n", "default", "--field-selector", "reason=" + reason});
        std::vector<Json> ours;
        for (const auto& event : all.at("items"))
            if (event.at("involvedObject").at("name") == "aurora") ours.push_back(event);
        return ours;
    }

    Json resolved() const { return condition("aurora", "Resolved"); }

    Json condition(const std::string& resource, const std::string& type) const {
        return condition_of(object(server, {"awsresource", resource}), type);
    }

    bool is_resolved(const std::string& status, const std::string& reason) const {
        const auto is_so = [&] {
            const auto condition = resolved();
            return condition.at("status") == status && condition.at("reason") == reason;
        };
        const bool became = wait_until(is_so, after(60s), 100ms);
        INFO(resolved().dump());
        CHECK(became);
        return became;
    }

    std::vector<std::string> options;
    ApiServer server = with_crds();
    std::unique_ptr<AwsStandIn> aws = require(AwsStandIn::start());
    std::unique_ptr<DnsServer> dns = require(DnsServer::start({"writer 1 A 10.2.0.1"}));
};

} // namespace bulkhead::test
