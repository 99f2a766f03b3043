// SPDX-License-Identifier: Apache-2.0
//
// What many tenants need alike is proposed once, and only then.
#include <algorithm>

#include "advise/broad.h"
#include "advise_fixture.h"

namespace bulkhead::advise {
namespace {

using test::edge;
using test::pods_of;

const auto kDoor = pods_of("gateway", "Deployment/door");
const auto kScraper = pods_of("monitoring", "StatefulSet/prometheus");

Refusal between(flow::Party source, const std::string& source_tenant, flow::Party destination,
                const std::string& destination_tenant, uint16_t port) {
    auto one = test::refusal(edge(std::move(source), std::move(destination), port));
    one.seen.source_tenant = source_tenant;
    one.seen.destination_tenant = destination_tenant;
    one.source_labels = {{"app", one.edge.source.workload.substr(one.edge.source.workload.find('/') + 1)}};
    one.destination_labels = {
        {"app", one.edge.destination.workload.substr(one.edge.destination.workload.find('/') + 1)}};
    return one;
}

std::string name(size_t i) {
    return "team-" + std::to_string(i);
}

/// So many tenants at one door.
std::vector<Refusal> callers(size_t tenants, uint16_t port = 8443) {
    std::vector<Refusal> refusals;
    for (size_t i = 0; i < tenants; ++i)
        refusals.push_back(between(pods_of(name(i), "Deployment/web"), name(i), kDoor, "gateway", port));
    return refusals;
}

std::vector<Refusal> scrapes(size_t tenants) {
    std::vector<Refusal> refusals;
    for (size_t i = 0; i < tenants; ++i)
        refusals.push_back(between(kScraper, "monitoring", pods_of(name(i), "Deployment/web"), name(i), 9187));
    return refusals;
}

TEST_CASE("a port that many tenants use is exposed by its pods, in place of a grant each") {
    const auto advice = advise(callers(kManyTenants));
    REQUIRE(advice.entries.size() == 1);
    const auto& entry = advice.entries.front();
    CHECK(entry.where == Entry::Where::kExpose);
    CHECK(entry.instead_of.size() == kManyTenants);
    REQUIRE(entry.ports.size() == 1);
    CHECK(entry.ports.front().count == kManyTenants);
    const auto yaml = yaml_of(advice);
    CHECK(yaml.find("bulkhead.dev/expose: \"8443/TCP\"") != std::string::npos);
    CHECK(yaml.find("team-0, team-1") != std::string::npos);
    CHECK(test::objects_of(yaml).empty()); // it belongs into somebody's pod template
}

TEST_CASE("what a few tenants use is granted to each of them") {
    const auto advice = advise(callers(kManyTenants - 1));
    CHECK(advice.entries.size() == kManyTenants - 1);
    for (const auto& entry : advice.entries)
        CHECK(entry.where == Entry::Where::kAccessGrant);
}

TEST_CASE("many workloads of one tenant, and other ports, are no crowd") {
    std::vector<Refusal> refusals;
    for (size_t i = 0; i < 2 * kManyTenants; ++i)
        refusals.push_back(between(pods_of("blog", "Deployment/" + name(i)), "blog", kDoor, "gateway", 8443));
    for (size_t i = 0; i < 2 * kManyTenants; ++i)
        refusals.push_back(
            between(pods_of(name(i), "Deployment/web"), name(i), kDoor, "gateway", static_cast<uint16_t>(1000 + i)));
    CHECK(std::ranges::none_of(advise(refusals).entries, is_broad));
}

TEST_CASE("who uses one port of many tenants is trusted with it, in place of a grant by each") {
    const auto advice = advise(scrapes(kManyTenants));
    REQUIRE(advice.entries.size() == 1);
    const auto& entry = advice.entries.front();
    CHECK(entry.where == Entry::Where::kTrusted);
    CHECK(entry.object == "monitoring");
    const auto yaml = yaml_of(advice);
    CHECK(yaml.find("Tenant monitoring, to be added to spec.trusted") != std::string::npos);
    CHECK(yaml.find("sealed") != std::string::npos);
    CHECK(test::objects_of(yaml).empty());
}

TEST_CASE("what is proposed for trust is what the reader of Tenants takes, and lets in what was refused and no more") {
    const auto refusals = scrapes(kManyTenants);
    auto text = yaml_of(advise(refusals));
    const auto list = text.find("#   - ");
    REQUIRE(list != std::string::npos);
    std::string entry;
    std::istringstream lines(text.substr(list));
    for (std::string line; std::getline(lines, line);)
        entry += "    " + line.substr(4) + "\n";
    const auto objects =
        test::objects_of("apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: monitoring}\n"
                         "spec:\n  namespaces: [monitoring]\n  trusted:\n" +
                         entry);
    REQUIRE(objects.size() == 1);

    test::World world;
    const auto add = [&](const std::string& pod, const std::string& app, const std::string& kind, int last) {
        state::PodTemplate common;
        common.labels = {{"app", app}};
        common.workload = {kind, app};
        world.pod(pod, {"10.0.1." + std::to_string(last)}, common);
    };
    world.ns("monitoring");
    add("monitoring/prometheus-0", "prometheus", "StatefulSet", 100);
    add("monitoring/other-0", "other", "Deployment", 101);
    for (size_t i = 0; i < kManyTenants; ++i) {
        world.protect(name(i));
        add(name(i) + "/web-0", "web", "Deployment", static_cast<int>(i) + 1);
    }
    const Supposition trusting(world.cluster, test::settings_of("node-a"), objects);
    for (const auto& refusal : refusals)
        CHECK(trusting.judge(refusal.edge, {}).reason == BH_REASON_TRUSTED);
    CHECK(trusting.judge(edge(kScraper, pods_of(name(0), "Deployment/web"), 9188), {}).refuses());
    CHECK(trusting.judge(edge(pods_of("monitoring", "Deployment/other"), pods_of(name(0), "Deployment/web"), 9187), {})
              .refuses());
}

TEST_CASE("a ping that many tenants send is granted to each: an annotation can't name it") {
    auto refusals = callers(kManyTenants);
    for (auto& refusal : refusals) {
        refusal.edge.protocol = BH_ICMP;
        refusal.edge.port = 0;
    }
    const auto advice = advise(refusals);
    CHECK(advice.entries.size() == kManyTenants);
    CHECK(std::ranges::none_of(advice.entries, is_broad));
}

TEST_CASE("a sealed tenant, which trust doesn't open, is asked for a grant of its own") {
    auto refusals = scrapes(kManyTenants + 1);
    refusals.back().doors.sealed = true;
    const auto advice = advise(refusals);
    REQUIRE(advice.entries.size() == 2);
    CHECK(advice.entries[0].where == Entry::Where::kTrusted);
    CHECK(advice.entries[0].instead_of.size() == kManyTenants);
    CHECK(advice.entries[1].where == Entry::Where::kAccessGrant);
    CHECK(advice.entries[1].ns == name(kManyTenants));
}

TEST_CASE("where a Tenant lets no pod expose itself, its own list is what exposes") {
    auto refusals = callers(kManyTenants);
    for (auto& refusal : refusals)
        refusal.doors.pod_expose = false;
    const auto yaml = yaml_of(advise(refusals));
    INFO(yaml);
    CHECK(yaml.find("Tenant gateway, to be added to spec.expose") != std::string::npos);
    CHECK(yaml.find("everybody may reach this then") != std::string::npos);
    CHECK(yaml.find("bulkhead.dev/expose") == std::string::npos);
}

TEST_CASE("only a Tenant object trusts: where the tenant is none, one is asked for") {
    auto refusals = scrapes(kManyTenants);
    for (auto& refusal : refusals)
        refusal.seen.source_tenant = "ns/monitoring";
    CHECK(yaml_of(advise(refusals)).find("a Tenant object that names namespace monitoring") != std::string::npos);
}

TEST_CASE("names of tenants, workloads and labels stay in the comment, and labels in their quotes") {
    const std::string evil = "x\n---\napiVersion: v1\n\x1b[2J\"}, a: {\\";
    auto exposed = callers(kManyTenants);
    for (auto& refusal : exposed) {
        refusal.seen.source_tenant += evil;
        refusal.edge.destination.workload = evil;
    }
    auto trusted = scrapes(kManyTenants);
    for (auto& refusal : trusted) {
        refusal.seen.source_tenant = evil;
        refusal.source_labels = {{"app", evil}};
    }
    for (const auto& refusals : {exposed, trusted}) {
        const auto yaml = yaml_of(advise(refusals));
        INFO(yaml);
        CHECK(yaml.find('\x1b') == std::string::npos);
        std::istringstream lines(yaml);
        for (std::string line; std::getline(lines, line);)
            CHECK(line.starts_with("#"));
    }
    const auto yaml = yaml_of(advise(trusted));
    CHECK(yaml.find(R"("app": "x\x0a---\x0aapiVersion: v1\x0a\x1b[2J\"}, a: {\\"})") != std::string::npos);
}

TEST_CASE("what confinement refused is nobody's to expose") {
    auto refusals = callers(kManyTenants);
    for (auto& refusal : refusals)
        refusal.seen.reason = BH_REASON_CONFINED;
    for (const auto& entry : advise(refusals).entries)
        CHECK(entry.where == Entry::Where::kTenantTo);
}

} // namespace
} // namespace bulkhead::advise
