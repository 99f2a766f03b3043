// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the oracle share: rows of (src, dst, protocol, port, expected line), and a small
// cluster to ask them of.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "support/objects.h"
#include "support/oracle.h"

namespace bulkhead::test {

struct Row {
    std::string src;
    std::string dst;
    uint8_t protocol;
    uint16_t port;
    std::string line;
};

inline const state::Time kNow{std::chrono::seconds(1'800'000'000)};

inline std::string line_of(const Oracle& oracle, Question question) {
    if (question.time == state::Time{}) question.time = kNow;
    const auto answer = oracle.ask(question);
    return answer ? std::string(answer->line) : answer.error().text;
}

inline void check(const std::vector<state::Object>& objects, const std::vector<Row>& rows,
                  const OracleSettings& settings = {}) {
    const Oracle oracle(objects, settings);
    for (const Row& row : rows) {
        INFO(row.src << " -> " << row.dst << " protocol " << int{row.protocol} << " port " << row.port);
        CHECK(line_of(oracle, {.src = row.src, .dst = row.dst, .protocol = row.protocol, .port = row.port}) ==
              row.line);
    }
}

inline state::Pod simple_pod(const std::string& path, const std::string& ip, const std::string& node = "node-a") {
    return pod(path, node, {.labels = {{"app", "web"}}, .service_account = "default"}, {address(ip)});
}

inline state::Namespace protected_ns(const std::string& name, state::Labels labels = {}) {
    labels["bulkhead.dev/level"] = "protected";
    return ns(name, std::move(labels));
}

inline state::Node node(const std::string& name, const std::string& ip) {
    auto made = named<state::Node>(name);
    made.addresses = {address(ip)};
    return made;
}

/// A protected Tenant `name` of the one namespace of the same name.
inline state::Tenant protected_tenant(const std::string& name) {
    auto made = named<state::Tenant>(name);
    made.namespaces = {name};
    made.level = state::Level::kProtected;
    return made;
}

/// blog (open), payments (Protected, declared), each with a pod; payments' has container ports.
inline std::vector<state::Object> shop(state::Tenant payments) {
    state::PodTemplate api{.labels = {{"app", "api"}}, .service_account = "default"};
    api.ports = {{"http", BH_TCP, 8080}, {"metrics", BH_TCP, 9090}, {"dns", BH_TCP, 53}, {"dns", BH_UDP, 53}};
    state::PodTemplate worker{.labels = {{"app", "worker"}}, .service_account = "reports"};
    return {ns("blog"),
            ns("payments"),
            node("node-a", "10.0.0.1"),
            node("node-b", "10.0.1.1"),
            simple_pod("blog/web", "10.0.0.10"),
            pod("blog/worker", "node-b", worker, {address("10.0.1.10")}),
            pod("payments/api", "node-a", api, {address("10.0.0.20")}),
            simple_pod("payments/db", "10.0.1.21", "node-b"),
            std::move(payments)};
}

} // namespace bulkhead::test
