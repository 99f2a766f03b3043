// SPDX-License-Identifier: Apache-2.0
//
// What explain says is what the oracle says: of every conversation between any two places of the example
// cluster, on every node. A node that doesn't judge says which one does, and makes no verdict up.
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <map>

#include "bulkheadctl/client.h"
#include "matrix_support.h"

namespace bulkhead::test {
namespace {

using matrix::Place;
using matrix::Route;
using Json = ctl::Json;

template <typename T>
T require(Result<T> result) {
    if (!result) FAIL(result.error().text);
    return std::move(*result);
}

/// As people name it. What lies outside may have a name that the manifests don't know.
std::string name_of(const Place& place, uint8_t family) {
    return place.kind == Place::Kind::kOutside ? place.address(family)->text() : place.name;
}

const char* protocol_name(uint8_t protocol) {
    return protocol == BH_TCP ? "TCP" : protocol == BH_UDP ? "UDP" : "ICMP";
}

ctl::Query query_for(const Route& route) {
    ctl::Query query{{"src", name_of(*route.src, route.family)},
                     {"dst", name_of(*route.dst, route.family)},
                     {"family", route.family == BH_IPV4 ? "4" : "6"},
                     {"protocol", protocol_name(route.protocol)}};
    if (route.protocol != BH_ICMP) query.emplace_back("port", std::to_string(route.port));
    return query;
}

/// Every conversation that there can be: all ports by TCP, one by UDP, and a ping.
std::vector<Route> routes_of(const matrix::Scene& scene) {
    std::vector<Route> routes;
    for (const auto& src : scene.places)
        for (const auto& dst : scene.places)
            for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
                if (!src.address(family) || !dst.address(family)) continue;
                for (const uint16_t port : scene.ports)
                    routes.push_back({&src, &dst, family, BH_TCP, port});
                routes.push_back({&src, &dst, family, BH_UDP, scene.ports.front()});
                routes.push_back({&src, &dst, family, BH_ICMP, 0});
            }
    return routes;
}

bool is_definite(const Json& answer) {
    return answer.at("verdict") != "judged elsewhere";
}

/// A node whose own hooks judge nothing of it, or not all, may know less than the line, but never another verdict.
void check_agrees(const Json& answer, const matrix::Expected& expected) {
    CHECK((answer.at("verdict") != "deny") == expected.open);
    if (expected.line == "unguarded") CHECK(answer.at("judge").is_null());
    const bool not_alone = answer.contains("judgedBefore");
    if (answer.contains("reason") && !not_alone) CHECK(answer.at("reason") == expected.line);
}

/// By node. Some node must know, and whoever doesn't must name one that does.
void check_answers(const std::map<std::string, Json>& answers, const matrix::Expected& expected) {
    bool line_is_told = false;
    for (const auto& [node, answer] : answers) {
        INFO("on " << node << ": " << answer.dump(1));
        if (is_definite(answer)) {
            check_agrees(answer, expected);
            line_is_told |= !answer.contains("reason") || answer.at("reason") == expected.line;
        } else {
            const std::string judge = answer.at("judge").at("node");
            CHECK(judge != node);
            CHECK(is_definite(answers.at(judge)));
        }
    }
    CHECK(line_is_told);
}

TEST_CASE("explain agrees with the oracle on every conversation of the examples, on the node that judges and beside") {
    if (geteuid() != 0) SKIP("needs root");
    const ExampleNet net = require(ExampleNet::create());
    std::vector<NodeAgent> agents;
    for (const std::string& node : net.nodes())
        agents.push_back(require(NodeAgent::start(net, node, "auto")));
    const auto expectation = matrix::expect_rule(net.objects());
    std::map<std::string, size_t> lines;
    for (const Route& route : routes_of(net.scene())) {
        const auto query = query_for(route);
        const auto expected = require(expectation(route));
        ++lines[std::string(expected.line)];
        std::map<std::string, Json> answers;
        for (size_t i = 0; i < agents.size(); ++i)
            answers.emplace(net.nodes()[i], require(ctl::ask({.socket = agents[i].socket()}, "/v1/explain", query)));
        INFO(route.src->name << " -> " << route.dst->name << " " << protocol_name(route.protocol) << " " << route.port
                             << ": the oracle says " << expected.line);
        check_answers(answers, expected);
    }
    CHECK(lines.contains("confined"));
    CHECK(lines.contains("confined-audit"));
}

} // namespace
} // namespace bulkhead::test
