// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "observe/history.h"
#include "observe/views.h"

using namespace bulkhead;
using namespace bulkhead::observe;

namespace {

struct Scene {
    state::Cluster cluster;
    compile::Desired desired;
    std::string node = "node-a";

    Scene() {
        desired.tenants = {{1, "payments"}};
        desired.identities[20] = {.tenant = 1, .flags = BH_PROTECTED | BH_POD, .key_hash = 1};
        desired.identities[21] = {.tenant = 1, .flags = BH_AUDIT | BH_RESOURCE | BH_CONFINED, .key_hash = 2};
        desired.names[20] = {.tenant = "payments", .what = "pods"};
        add("10.0.1.30", "payments/api", 20, 1);
        add("fd00::30", "payments/api", 20, 1);
        add("10.0.2.30", "payments/vault", 20, 0);
        add("10.0.200.10", "AWSResource aurora", 21, 0);
        add("10.0.1.99", "slot 2", BH_IDENTITY_HELD, 2);
        state::LocalPod api;
        api.slot = 1;
        api.ifindexes = {7};
        cluster.set_local_pods({{1, api}});
    }

    void add(const char* text, const char* owner, uint32_t identity, uint16_t slot) {
        desired.endpoints[Address::parse(text).value()] = {.row = {.identity = identity, .slot = slot, .flags = 0},
                                                           .owner = owner};
    }

    Json endpoint(const std::string& name) {
        const auto answer = Json::parse(endpoints_text({cluster, desired, node}, [](uint32_t) { return "eni7"; }));
        for (const auto& row : answer["endpoints"])
            if (row["name"] == name) return row;
        return nullptr;
    }
};

} // namespace

TEST_CASE("an endpoint has one row with all its addresses") {
    Scene scene;
    const auto row = scene.endpoint("payments/api");
    CHECK(row["addresses"] == Json{"10.0.1.30", "fd00::30"});
    CHECK(row["tenant"] == "payments");
    CHECK(row["level"] == "protected");
    CHECK(row["state"] == "guarded");
    CHECK(row["interfaces"] == Json{"eni7"});
}

TEST_CASE("remote and held endpoints are told from guarded ones") {
    Scene scene;
    CHECK(scene.endpoint("payments/vault")["state"] == "remote");
    CHECK(scene.endpoint("slot 2")["state"] == "held");
}

TEST_CASE("no endpoints are an empty list") {
    const Scene scene;
    const compile::Desired nothing;
    CHECK(Json::parse(endpoints_text({scene.cluster, nothing, scene.node}, {})) == Json{{"endpoints", Json::array()}});
}

TEST_CASE("a tenant sums up its identities, endpoints and namespaces") {
    const Scene scene;
    const auto tenants = tenants_view(scene.desired)["tenants"];
    REQUIRE(tenants.size() == 1);
    CHECK(tenants[0]["name"] == "payments");
    CHECK(tenants[0]["levels"] == Json{"non-protected", "protected"});
    CHECK(tenants[0]["modes"] == Json{"audit", "enforce"});
    CHECK(tenants[0]["endpoints"] == 3);
    CHECK(tenants[0]["namespaces"] == Json{"payments"});
    CHECK(tenants[0]["confined"] == true);
    CHECK(tenants[0]["sealed"] == false);
}

TEST_CASE("a map's fill counts rows by family and openings by block") {
    Scene scene;
    scene.desired.openings[{20, 0}].resize(BH_OPENINGS_PER_BLOCK + 1);
    std::map<std::string, uint64_t> entries;
    for (const auto& map : fill_of(scene.desired, {{"endpoints4", 9}, {"endpoints6", 9}, {"openings", 9}}))
        entries[map.name] = map.entries;
    CHECK(entries["endpoints4"] == 4);
    CHECK(entries["endpoints6"] == 1);
    CHECK(entries["openings"] == 2);
}

TEST_CASE("history keeps the newest events") {
    History history(2);
    for (const uint64_t time : {1, 2, 3}) {
        bh_event event{};
        event.time = time;
        history.add(event);
    }
    REQUIRE(history.events().size() == 2);
    CHECK(history.events().front().time == 2);
    CHECK(history.events().back().time == 3);
}

TEST_CASE("an event reads as a sentence in either family") {
    bh_event event{};
    event.family = BH_IPV6;
    event.protocol = BH_TCP;
    event.src = Address::parse("fd00::5").value().raw();
    event.dst = Address::parse("fd00::9").value().raw();
    event.src_port = 43210;
    event.dst_port = 8443;
    event.verdict = BH_VERDICT_DENY;
    event.reason = BH_REASON_NOT_GRANTED;
    CHECK(text_of(event) == "deny not-granted TCP [fd00::5]:43210 -> [fd00::9]:8443");
}
