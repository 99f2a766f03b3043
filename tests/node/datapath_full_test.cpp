// SPDX-License-Identifier: Apache-2.0
//
// Every map filled to its limit: what doesn't fit is named, tried again, in force once there is room; and until
// then opens nothing.
#include "datapath_bench.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;
using compile::Desired;
using compile::Touched;

namespace {

constexpr uint32_t kNoRoom = BH_IDENTITY_NO_ROOM_PROTECTED;

/// With the stand-ins that compile() always has.
Desired cluster() {
    Desired desired = small_cluster();
    desired.identities[BH_IDENTITY_WORLD] = {.tenant = 0, .flags = 0, .key_hash = 1};
    desired.identities[kNoRoom] = {.tenant = 0, .flags = BH_PROTECTED | BH_UNNAMED, .key_hash = 2};
    desired.identities[BH_IDENTITY_NO_ROOM_CONFINED] = {.tenant = 0, .flags = BH_CONFINED, .key_hash = 3};
    return desired;
}

void check_full(const WriteReport& report, const std::string& map, size_t rows) {
    CHECK_FALSE(report.in_sync());
    CHECK(report.failed_by_map == std::map<std::string, size_t>{{map, rows}});
    for (const WriteFailure& failure : report.failures)
        CHECK(failure.text().find("to map " + map + ": the map is full") != std::string::npos);
}

std::string in_family(uint8_t family, const std::string& four, const std::string& six) {
    return family == BH_IPV4 ? four : six;
}

} // namespace

TEST_CASE("a full map is named, retried, and written once there is room", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    for (int i = 0; i < 70; i++)
        desired.endpoints[address("10.1.0." + std::to_string(i))] = endpoint_of(kBlog);
    const auto full = bench.write(desired);
    CHECK(full.failed == 72 - 64); // as many IPv4 endpoints as there are, less what fits
    CHECK(full.failures.at(0).map == "endpoints4");
    CHECK(full.failures.at(0).text().find("the map is full") != std::string::npos);
    CHECK(bench.control().armed == 1);

    Touched removed;
    for (int i = 0; i < 8; i++) {
        desired.endpoints.erase(address("10.1.0." + std::to_string(i)));
        removed.endpoints.insert(address("10.1.0." + std::to_string(i)));
    }
    const auto after = bench.write(desired, removed);

    CHECK(after.in_sync());
    for (int i = 8; i < 70; i++)
        CHECK(bench.endpoint("10.1.0." + std::to_string(i)));
    CHECK(bench.write(desired, Touched{}).puts == 0);
}

TEST_CASE("in a full endpoints map what is protected, and this node's own, takes the room of others", "[full]") {
    const uint8_t family = GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6});
    const auto at = [&](int net, int i) {
        return in_family(family, "10." + std::to_string(net) + ".0." + std::to_string(i),
                         "fd00:" + std::to_string(net) + "::" + std::to_string(i));
    };
    Bench bench;
    auto desired = cluster();
    for (int i = 0; i < 64; i++)
        desired.endpoints[address(at(1, i))] = endpoint_of(kBlog);
    bench.write(desired); // strangers first
    for (int i = 0; i < 10; i++)
        desired.endpoints[address(at(2, i))] = endpoint_of(kPayments);
    auto own = endpoint_of(kBlog);
    own.row.flags = BH_ENDPOINT_THIS_NODE;
    desired.endpoints[address(at(3, 1))] = own;
    auto guarded = endpoint_of(kBlog);
    guarded.row.slot = 2;
    desired.endpoints[address(at(3, 2))] = guarded;
    const bool restarted = GENERATE(false, true);
    if (restarted) bench.restart();

    Touched touched;
    for (const auto& [address, row] : desired.endpoints)
        touched.endpoints.insert(address);
    const auto report = bench.write(desired, touched);

    const size_t there_anyway = family == BH_IPV4 ? 2 : 1; // small_cluster()'s
    check_full(report, family == BH_IPV4 ? "endpoints4" : "endpoints6", there_anyway + 64 + 12 - 64);
    for (int i = 0; i < 10; i++)
        CHECK(bench.endpoint(at(2, i))->identity == kPayments);
    CHECK(bench.endpoint(at(3, 1)));
    CHECK(bench.endpoint(at(3, 2)));

    SECTION("and keeps it") {
        check_full(bench.write(desired, everything()), report.failures.at(0).map, report.failed);
        CHECK(bench.endpoint(at(2, 9)));
    }
    SECTION("until there is room for all") {
        Touched gone;
        for (int i = 0; i < 20; i++) {
            desired.endpoints.erase(address(at(1, i)));
            gone.endpoints.insert(address(at(1, i)));
        }
        CHECK(bench.write(desired, gone).in_sync());
        for (const auto& [address, row] : desired.endpoints)
            CHECK(bench.endpoint(address.text()));
    }
}

TEST_CASE("in a full endpoints map a protected resource takes the room of pods elsewhere, protected or not", "[full]") {
    constexpr uint32_t kDatabase = 30;
    Bench bench;
    auto desired = cluster();
    desired.identities[kDatabase] = {.tenant = 1, .flags = BH_PROTECTED | BH_RESOURCE, .key_hash = 4};
    for (int i = 0; i < 62; i++)
        desired.endpoints[address("10.1.0." + std::to_string(i))] = endpoint_of(kPayments);
    REQUIRE(bench.write(desired).in_sync());
    desired.endpoints[address("203.0.113.5")] = endpoint_of(kDatabase);
    desired.endpoints[address("10.1.0.62")] = endpoint_of(BH_IDENTITY_HELD); // of a namespace that nobody knows
    desired.identities[BH_IDENTITY_HELD] = {.tenant = 0, .flags = BH_PROTECTED | BH_POD | BH_UNNAMED, .key_hash = 5};
    check_full(bench.write(desired), "endpoints4", 2);
    CHECK(bench.endpoint("203.0.113.5")->identity == kDatabase);
    CHECK_FALSE(bench.endpoint("10.1.0.62"));
}

TEST_CASE("while an address has no room, what the world and CIDRs are granted is held back", "[full]") {
    constexpr uint32_t kOffice = 30; // a CIDR's
    Bench bench;
    auto desired = cluster();
    desired.identities[kOffice] = {.tenant = 0, .flags = 0, .key_hash = 4};
    desired.prefixes[cidr("10.0.0.0/8")] = kOffice;
    desired.openings[{.dst = kPayments, .src = BH_IDENTITY_WORLD}] = {granted(443)};
    desired.openings[{.dst = kPayments, .src = kOffice}] = {granted(444)};
    bench.write(desired);
    const auto granted_to = [&](uint32_t src) { return ports_in_kernel(bench.maps(), kPayments, src); };
    REQUIRE(granted_to(BH_IDENTITY_WORLD) == std::vector<uint16_t>{443});
    REQUIRE(granted_to(kOffice) == std::vector<uint16_t>{444});

    Touched touched;
    for (int i = 0; i < 70; i++) {
        desired.endpoints[address("10.1.0." + std::to_string(i))] = endpoint_of(kBlog);
        touched.endpoints.insert(address("10.1.0." + std::to_string(i)));
    }
    CHECK(bench.write(desired, touched).outside_is_shut);
    CHECK(granted_to(BH_IDENTITY_WORLD).empty());
    CHECK(granted_to(kOffice).empty());
    CHECK(granted_to(kBlog) == std::vector<uint16_t>{5432}); // whoever has a row is who he is

    for (int i = 0; i < 8; i++)
        desired.endpoints.erase(address("10.1.0." + std::to_string(i)));
    CHECK(bench.write(desired, touched).in_sync());
    CHECK(granted_to(BH_IDENTITY_WORLD) == std::vector<uint16_t>{443});
    CHECK(granted_to(kOffice) == std::vector<uint16_t>{444});
}

TEST_CASE("while an address has no room, confined pods are not let out to the world and CIDRs", "[full]") {
    constexpr uint32_t kOffice = 30; // a CIDR's
    constexpr uint32_t kJail = 31;
    Bench bench;
    auto desired = cluster();
    desired.identities[kOffice] = {.tenant = 0, .flags = 0, .key_hash = 4};
    desired.identities[kJail] = {.tenant = 3, .flags = BH_POD | BH_CONFINED, .key_hash = 5};
    desired.prefixes[cidr("10.0.0.0/8")] = kOffice;
    const auto allowed = [](uint16_t port) {
        auto row = granted(port);
        row.line = BH_REASON_CONFINED;
        return row;
    };
    desired.openings[{.dst = BH_IDENTITY_WORLD, .src = kJail}] = {allowed(443)};
    desired.openings[{.dst = kOffice, .src = kJail}] = {granted(80), allowed(444)};
    desired.openings[{.dst = kBlog, .src = kJail}] = {allowed(445)};
    bench.write(desired);
    const auto lets_out_to = [&](uint32_t dst) { return ports_in_kernel(bench.maps(), dst, kJail); };
    REQUIRE(lets_out_to(BH_IDENTITY_WORLD) == std::vector<uint16_t>{443});
    REQUIRE(lets_out_to(kOffice).size() == 2);

    Touched touched;
    for (int i = 0; i < 70; i++) {
        desired.endpoints[address("10.1.0." + std::to_string(i))] = endpoint_of(kBlog);
        touched.endpoints.insert(address("10.1.0." + std::to_string(i)));
    }
    CHECK(bench.write(desired, touched).outside_is_shut);
    CHECK(lets_out_to(BH_IDENTITY_WORLD).empty());
    CHECK(lets_out_to(kOffice) == std::vector<uint16_t>{80}); // which is the office's own, not the confined pod's
    CHECK(lets_out_to(kBlog) == std::vector<uint16_t>{445});  // whoever has a row is who he is

    for (int i = 0; i < 8; i++)
        desired.endpoints.erase(address("10.1.0." + std::to_string(i)));
    CHECK(bench.write(desired, touched).in_sync());
    CHECK(lets_out_to(BH_IDENTITY_WORLD) == std::vector<uint16_t>{443});
    CHECK(lets_out_to(kOffice).size() == 2);
}

TEST_CASE("in a full prefixes map protected CIDRs take the room of others, of the outermost first", "[full]") {
    const uint8_t family = GENERATE(uint8_t{BH_IPV4}, uint8_t{BH_IPV6});
    const auto number = [](int i) { return std::to_string(i); };
    const auto outer = [&](int i) {
        return cidr(in_family(family, "10." + number(i) + ".0.0/16", "2001:db8:" + number(i) + "::/48"));
    };
    const auto inner = [&](int i) {
        return cidr(in_family(family, "10." + number(i) + ".1.0/24", "2001:db8:" + number(i) + ":1::/64"));
    };
    Bench bench;
    const auto found_in = [&](const Cidr& place) { // what its first address is taken for
        return family == BH_IPV4
                   ? bench.maps().prefixes4.find({.length = 32, .address = place.address.raw4()}).value_or(0)
                   : bench.maps().prefixes6.find({.length = 128, .address = place.address.raw()}).value_or(0);
    };
    auto desired = cluster();
    desired.prefixes.clear();
    for (int i = 1; i <= 8; i++) // 16 rows, which is the limit
        desired.prefixes[outer(i)] = desired.prefixes[inner(i)] = kBlog;
    REQUIRE(bench.write(desired).in_sync());
    for (int i = 11; i <= 15; i++)
        desired.prefixes[inner(i)] = kPayments;

    const auto report = bench.write(desired);

    check_full(report, family == BH_IPV4 ? "prefixes4" : "prefixes6", 5);
    for (int i = 11; i <= 15; i++)
        CHECK(found_in(inner(i)) == kPayments);
    for (int i = 1; i <= 8; i++)
        CHECK(found_in(inner(i)) == kBlog);

    for (int i = 1; i <= 5; i++)
        desired.prefixes.erase(inner(i));
    CHECK(bench.write(desired, Touched{}).failed == 0); // tried again, whatever is touched
    for (int i = 1; i <= 8; i++)
        CHECK(found_in(outer(i)) == kBlog);
}

TEST_CASE("rows whose identity has no room name one that restricts as much and lets nobody in", "[full]") {
    constexpr uint32_t kBeyond = 64; // the limit of identities is 64
    struct Row {
        uint32_t flags, named;
    };
    const auto [flags, named] = GENERATE(values<Row>({
        {BH_POD | BH_PROTECTED, BH_IDENTITY_NO_ROOM_PROTECTED},
        {BH_POD | BH_CONFINED, BH_IDENTITY_NO_ROOM_CONFINED},
        {BH_POD | BH_PROTECTED | BH_CONFINED, BH_IDENTITY_NO_ROOM_BOTH},
        {BH_RESOURCE | BH_PROTECTED, BH_IDENTITY_NO_ROOM_PROTECTED},
        {BH_POD | BH_PROTECTED | BH_AUDIT, kBeyond}, // nothing is dropped for its sake
        {BH_POD, kBeyond},
    }));
    Bench bench;
    auto desired = cluster();
    desired.identities[kBeyond] = {.tenant = 3, .flags = flags, .key_hash = 300};
    desired.pods[3] = pod(9, kBeyond, 33);
    desired.interfaces[33] = {.slot = 3};
    desired.endpoints[address("10.0.0.3")] = endpoint_of(kBeyond);
    desired.prefixes[cidr("172.16.0.0/12")] = kBeyond;

    check_full(bench.write(desired), "identities", 1);

    CHECK(bench.maps().pods.find(3)->identity == named);
    CHECK(bench.endpoint("10.0.0.3")->identity == named);
    CHECK(bench.maps().prefixes4.find({.length = 32, .address = address("172.16.0.1").raw4()}) == named);

    constexpr uint32_t kWithin = 63; // compile() gives it a better one once there is one
    desired.identities.erase(kBeyond);
    desired.identities[kWithin] = {.tenant = 3, .flags = flags, .key_hash = 300};
    desired.pods[3].identity = kWithin;
    desired.endpoints[address("10.0.0.3")] = endpoint_of(kWithin);
    desired.prefixes[cidr("172.16.0.0/12")] = kWithin;
    CHECK(bench.write(desired).in_sync());
    CHECK(bench.maps().pods.find(3)->identity == kWithin);
}

TEST_CASE("an opening that has no room is not in force, and leaves nothing behind", "[full]") {
    Bench bench;
    auto desired = cluster();
    for (uint32_t src = 100; src < 163; src++) { // with small_cluster()'s one, the limit of 64
        desired.identities[src - 78] = {.tenant = src, .flags = BH_POD, .key_hash = src};
        desired.openings[{.dst = kPayments, .src = src}] = {granted(80)};
    }
    while (desired.identities.size() > 40)
        desired.identities.erase(std::prev(desired.identities.end())); // only the rows count here
    bench.write(desired);
    auto& longer = desired.openings[{.dst = kPayments, .src = 200}];
    for (uint16_t port = 1; port <= 40; port++)
        longer.push_back(granted(port));

    check_full(bench.write(desired), "openings", 1);

    CHECK(ports_in_kernel(bench.maps(), kPayments, 200).empty());
    for (uint32_t src = 100; src < 102; src++)
        desired.openings.erase({.dst = kPayments, .src = src});
    check_full(bench.write(desired), "openings", 1); // three blocks don't fit in two
    desired.openings.erase({.dst = kPayments, .src = 102});
    CHECK(bench.write(desired).in_sync());
    CHECK(ports_in_kernel(bench.maps(), kPayments, 200).size() == 40);
    desired.openings.erase({.dst = kPayments, .src = 200});
    CHECK(bench.write(desired).in_sync());
    for (uint32_t part = 0; part < 3; part++)
        CHECK_FALSE(bench.maps().openings.find({.dst = kPayments, .src = 200, .part = part}));
}

TEST_CASE("tenants' names that have no room are reported and change no verdict", "[full]") {
    Bench bench;
    auto desired = cluster();
    for (uint32_t tenant = 100; tenant < 164; tenant++)
        desired.tenants[tenant] = "ns/t" + std::to_string(tenant);

    check_full(bench.write(desired), "tenants", 2);

    CHECK(bench.maps().identities.find(kPayments)->tenant == 1);
    CHECK(bench.control().armed == 1);
    desired.tenants.erase(100);
    desired.tenants.erase(101);
    CHECK(bench.write(desired).in_sync());
}

TEST_CASE("an interface that has no room is reported, and what others need is written", "[full]") {
    Bench bench;
    auto desired = cluster();
    for (uint32_t ifindex = 100; ifindex < 100 + 8 * BH_POD_INTERFACES; ifindex++)
        desired.interfaces[ifindex] = {.slot = 1};
    desired.endpoints[address("10.0.0.9")] = endpoint_of(kPayments);

    check_full(bench.write(desired), "interfaces", 2);

    CHECK(bench.endpoint("10.0.0.9")->identity == kPayments);
    desired.interfaces.erase(100);
    desired.interfaces.erase(101);
    Touched local;
    local.local = true;
    CHECK(bench.write(desired, local).in_sync());
}

TEST_CASE("a full map doesn't keep what is gone from being cleared", "[full]") {
    Bench bench;
    auto desired = cluster();
    for (int i = 0; i < 70; i++)
        desired.endpoints[address("10.1.0." + std::to_string(i))] = endpoint_of(kBlog);
    REQUIRE_FALSE(bench.write(desired).in_sync());
    desired.pods.erase(1);
    desired.interfaces.erase(31);
    desired.endpoints.erase(address("10.0.0.1"));
    desired.endpoints.erase(address("fd00::1"));
    desired.prefixes.clear();
    desired.openings.clear();
    desired.identities.erase(kPayments);
    REQUIRE_FALSE(bench.write(desired).in_sync());
    CHECK(bench.maps().pods.find(1)->generation == 0);
    CHECK_FALSE(bench.maps().flows.find(1));
    CHECK(bench.maps().identities.find(kPayments)->key_hash == 0);
}
