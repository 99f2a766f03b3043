// SPDX-License-Identifier: Apache-2.0
//
// Tenant by tenant: what the rule says, and what was seen.
#include "compile_world.h"
#include "observe/matrix.h"

namespace bulkhead::observe {
namespace {

using Json = nlohmann::ordered_json;

/// One pod each: payments (protected) grants shop 5432, vault (protected) is in audit mode, blog and shop are open.
test::World cluster() {
    test::World world;
    world.protect("payments").ns("blog").ns("shop");
    world.ns("vault", {{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/mode", "audit"}});
    world.pod("payments/ledger", {"10.0.1.1"}).pod("blog/web", {"10.0.2.1"}).pod("shop/till", {"10.0.3.1"});
    world.pod("vault/keys", {"10.0.4.1"});
    auto grant = test::named<state::AccessGrant>("for-shop", "payments");
    grant.grant = test::grant({test::from_namespace("shop")}, {test::port(5432)});
    world.put(grant);
    return world;
}

Json cell_of(const Json& matrix, const std::string& source, const std::string& destination) {
    for (const auto& cell : matrix["cells"])
        if (cell["source"] == source && cell["destination"] == destination) return cell;
    return {};
}

TEST_CASE("a matrix says of each two tenants what the rule says, and leaves out what is open") {
    auto world = cluster();
    const auto matrix = matrix_view(world.desired(), {}, {});
    CHECK(matrix["tenants"] == Json({"ns/blog", "ns/payments", "ns/shop", "ns/vault"}));
    const auto [source, destination, says] = GENERATE(table<std::string, std::string, std::string>({
        {"ns/blog", "ns/payments", "refuses"},
        {"ns/shop", "ns/payments", "partly"},
        {"ns/vault", "ns/payments", "refuses"},
        {"world", "ns/payments", "refuses"},
        {"ns/blog", "ns/vault", "audits"},
        {"world", "ns/vault", "audits"},
    }));
    CHECK(cell_of(matrix, source, destination)["says"] == says);
    CHECK(cell_of(matrix, "ns/blog", "ns/shop").is_null());
    CHECK(cell_of(matrix, "ns/payments", "ns/payments").is_null());
}

TEST_CASE("a matrix names the ports that are open to some, and no longer those whose time is over") {
    auto world = cluster();
    auto until = test::named<state::AccessGrant>("for-blog", "payments");
    until.grant = test::grant({test::from_namespace("blog")}, {test::port(8000, 8010), test::ping()});
    until.grant.until = state::Time{std::chrono::seconds(1000)};
    world.put(until);
    const auto before = matrix_view(world.desired(), {}, state::Time{std::chrono::seconds(999)});
    CHECK(cell_of(before, "ns/shop", "ns/payments")["ports"] == Json({"5432/TCP"}));
    CHECK(cell_of(before, "ns/blog", "ns/payments")["ports"] == Json({"8000-8010/TCP", "ICMP"}));
    const auto after = matrix_view(world.desired(), {}, state::Time{std::chrono::seconds(1000)});
    CHECK(cell_of(after, "ns/blog", "ns/payments")["says"] == "refuses");
}

TEST_CASE("two levels in one tenant make it partly open, and both are told without a port") {
    auto world = cluster();
    world.ns("payments-public", {{"bulkhead.dev/tenant", "fin"}});
    world.ns("payments-core", {{"bulkhead.dev/tenant", "fin"}, {"bulkhead.dev/level", "protected"}});
    world.pod("payments-public/a", {"10.0.5.1"}).pod("payments-core/b", {"10.0.5.2"});
    const auto cell = cell_of(matrix_view(world.desired(), {}, {}), "ns/blog", "fin");
    CHECK(cell["says"] == "partly");
    CHECK_FALSE(cell.contains("ports"));
}

TEST_CASE("what was seen is added up by tenants, whatever the workloads, ports and protocols") {
    auto world = cluster();
    flow::Edges edges;
    const auto add = [&](const char* workload, uint16_t port, bh_verdict verdict, uint64_t count) {
        flow::EdgeKey key;
        key.source = {.kind = flow::Kind::kPod, .ns = "blog", .workload = workload, .name = {}};
        key.destination = {.kind = flow::Kind::kPod, .ns = "payments", .workload = {}, .name = {}};
        key.protocol = BH_TCP;
        key.port = port;
        key.verdict = verdict;
        flow::Sighting seen;
        seen.count = count;
        seen.source_tenant = "ns/blog";
        seen.destination_tenant = "ns/payments";
        edges.add(key, seen);
    };
    add("Deployment/web", 1, BH_VERDICT_DENY, 3);
    add("Deployment/web", 2, BH_VERDICT_DENY, 4);
    add("Deployment/cron", 1, BH_VERDICT_AUDIT, 5);
    add("Deployment/cron", 1, BH_VERDICT_ALLOW, 6);
    const auto cell = cell_of(matrix_view(world.desired(), edges.rows(), {}), "ns/blog", "ns/payments");
    CHECK(cell["seen"] == Json{{"allowed", 6}, {"audit", 5}, {"denied", 7}});
    CHECK(cell["says"] == "refuses");
}

TEST_CASE("while an override holds, what would be refused is audited") {
    auto world = cluster();
    auto override = test::named<state::Override>("now");
    override.tenant = "ns/payments";
    override.until = state::Time{std::chrono::seconds(4'000'000'000)};
    world.put(override);
    const auto matrix = matrix_view(world.desired(), {}, {});
    CHECK(cell_of(matrix, "ns/blog", "ns/payments")["says"] == "audits");
}

} // namespace
} // namespace bulkhead::observe
