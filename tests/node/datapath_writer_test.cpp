// SPDX-License-Identifier: Apache-2.0
//
// What the writer makes of a desired state in real maps: differences only, restored rows respected, full
// maps survived.
#include <bpf/bpf.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "datapath/test_run.h"
#include "datapath_bench.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;
using compile::Desired;
using compile::Touched;

namespace {

bool bit(const __u64* bitmap, uint32_t index) {
    return (bitmap[index / 64] >> (index % 64) & 1) != 0;
}

} // namespace

TEST_CASE("a desired state is in the kernel after one write, armed last", "[writer]") {
    Bench bench;
    const auto report = bench.write(small_cluster());

    CHECK(report.in_sync());
    CHECK(bench.endpoint("10.0.0.1")->identity == kPayments);
    CHECK(bench.endpoint("fd00::1")->slot == 1);
    CHECK(bench.maps().identities.find(kPayments)->key_hash == 100);
    CHECK(bench.maps().interfaces.find(31)->slot == 1);
    CHECK(bench.maps().prefixes4.find({.length = 32, .address = address("192.168.3.4").raw4()}) == kPayments);
    CHECK(ports_in_kernel(bench.maps(), kPayments, kBlog) == std::vector<uint16_t>{5432});
    CHECK(std::string(bench.maps().tenants.find(2)->text) == "ns/blog");
    CHECK(bench.control().armed == 1);
    CHECK(bench.control().abi_version == BH_ABI_VERSION);
}

TEST_CASE("the bitmaps cover what is in the maps, and not much more", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    desired.prefixes[cidr("172.16.0.0/12")] = kBlog;
    desired.prefixes[cidr("2001:db8:1::/48")] = kBlog;
    bench.write(desired);
    auto control = bench.control();
    CHECK(bit(control.guarded, 31));
    CHECK_FALSE(bit(control.guarded, 33));
    CHECK(bit(control.prefix4, 0xc0a8)); // 192.168
    CHECK(bit(control.prefix4, 0xac10)); // 172.16
    CHECK(bit(control.prefix4, 0xac1f)); // 172.31
    CHECK_FALSE(bit(control.prefix4, 0xac20));
    for (const char* inside : {"2001:db8:1::1", "2001:db8:1:ffff::", "2001:db8:1:1234:5::6"}) {
        const bh_addr raw = address(inside).raw();
        CHECK(bit(control.prefix6, bh_fold6(&raw)));
    }

    desired.prefixes.erase(cidr("172.16.0.0/12"));
    desired.interfaces.erase(31);
    bench.write(desired);
    control = bench.control();
    CHECK_FALSE(bit(control.guarded, 31));
    CHECK_FALSE(bit(control.prefix4, 0xac10));
    CHECK(bit(control.prefix4, 0xc0a8));
}

TEST_CASE("the same state again writes nothing, also after a restart", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    desired.openings[{.dst = kPayments, .src = kBlog}][0].until =
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::hours(1);
    bench.write(desired);
    CHECK(bench.write(desired).puts == 0);
    bench.restart();
    const auto report = bench.write(desired);
    CHECK(report.puts == 0);
    CHECK(report.removals == 0);
}

TEST_CASE("one changed pod is one changed entry", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    bench.write(desired);
    desired.endpoints[address("10.0.0.9")] = {.row = {.identity = kBlog, .slot = 0, .flags = 0}, .owner = {}};
    desired.endpoints[address("10.0.0.8")] = {.row = {.identity = kBlog, .slot = 0, .flags = 0}, .owner = {}};
    Touched touched;
    touched.endpoints = {address("10.0.0.9")};

    const auto report = bench.write(desired, touched);

    CHECK(report.puts == 1);
    CHECK(bench.endpoint("10.0.0.9"));
    CHECK_FALSE(bench.endpoint("10.0.0.8")); // not touched, so not looked at
}

TEST_CASE("before every source has told all, restored rows are neither changed nor deleted", "[writer]") {
    Bench bench;
    bench.write(small_cluster());
    bench.restart();
    Desired half;
    half.tenants = {{2, "ns/blog"}, {3, "capsule/new"}};
    half.identities = {{kBlog, {.tenant = 2, .flags = BH_POD | BH_PROTECTED, .key_hash = 200}},
                       {30, {.tenant = 3, .flags = BH_POD, .key_hash = 300}}};
    half.endpoints[address("10.0.0.2")] = {.row = {.identity = 30, .slot = 2, .flags = 0}, .owner = {}};
    half.endpoints[address("10.0.0.3")] = {.row = {.identity = 30, .slot = 0, .flags = 0}, .owner = {}};

    bench.write(half, everything(), false);

    CHECK(bench.endpoint("10.0.0.1"));
    CHECK(bench.endpoint("10.0.0.2")->identity == kBlog);
    CHECK(bench.endpoint("10.0.0.3")->identity == 30); // what is new is welcome
    CHECK(bench.maps().identities.find(kBlog)->flags == BH_POD);
    CHECK(bench.maps().identities.find(30)->key_hash == 300);
    CHECK(bench.maps().interfaces.find(31));
    CHECK(ports_in_kernel(bench.maps(), kPayments, kBlog).size() == 1);
    CHECK(bench.control().armed == 1);

    SECTION("and after that they are") {
        bench.write(half, Touched{}, true); // touched says nothing: the first complete write looks at all
        CHECK_FALSE(bench.endpoint("10.0.0.1"));
        CHECK(bench.endpoint("10.0.0.2")->identity == 30);
        CHECK(bench.maps().identities.find(kPayments)->key_hash == 0);
        CHECK_FALSE(bench.maps().tenants.find(1));
        CHECK_FALSE(bench.maps().interfaces.find(31));
        CHECK(ports_in_kernel(bench.maps(), kPayments, kBlog).empty());
        CHECK(bench.control().armed == 0);
    }
    SECTION("but a slot that went to another pod is another pod's") {
        half.pods = {{1, pod(9, 30, 40)}};
        bench.write(half, everything(), false);
        CHECK(bench.maps().pods.find(1)->generation == 9);
    }
}

TEST_CASE("nothing arms on half of the knowledge", "[writer]") {
    Bench bench;
    bench.write(small_cluster(), everything(), false);
    CHECK(bench.control().armed == 0);
    bench.write(small_cluster(), Touched{}, true);
    CHECK(bench.control().armed == 1);
}

TEST_CASE("a restarted agent learns ids, names and slots from the maps", "[writer]") {
    Bench bench;
    bench.write(small_cluster());
    bench.restart();

    const auto known = bench.writer().restore_ids();
    CHECK(known.tenants == std::map<std::string, uint32_t>{{"payments", 1}, {"ns/blog", 2}});
    CHECK(known.identities == std::map<uint64_t, compile::IdentityId>{{100, kPayments}, {200, kBlog}});
    CHECK(bench.writer().restore_slots() ==
          std::map<uint32_t, SlotOwner>{{31, {.slot = 1, .generation = 7}}, {32, {.slot = 2, .generation = 8}}});
}

TEST_CASE("a pod gets a flow table of its own, and the next pod in its slot another", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    bench.write(desired);
    const auto first = bench.maps().flows.find(1);
    REQUIRE(first);
    CHECK(bench.maps().pods.find(1)->flow_sets == small_sizes().flow_sets);
    constexpr std::array<std::byte, 64> not_ip{};
    need(rehearse(bench.kernel().programs().from_pod.get(), not_ip, {.ifindex = 31}));
    REQUIRE(counted(bench.maps()).from_pod == 1);

    desired.pods[1].identity = kBlog;
    bench.write(desired, Touched{});
    CHECK(bench.maps().flows.find(1) == first); // the same pod

    desired.pods[1].generation = 9;
    bench.write(desired, Touched{});
    CHECK(bench.maps().flows.find(1));
    CHECK(bench.maps().flows.find(1) != first);
    CHECK(bench.maps().flows.find(2));
    CHECK(counted(bench.maps()).from_pod == 0); // its counts begin anew, too

    desired.pods.erase(1);
    bench.write(desired, Touched{});
    CHECK_FALSE(bench.maps().flows.find(1));
    CHECK(bench.maps().pods.find(1)->generation == 0);
}

TEST_CASE("pods that come together don't wait for each other's flow tables", "[writer]") {
    constexpr uint16_t kFirst = 3, kPods = 5; // slots: all that are left
    Bench bench;
    auto desired = small_cluster();
    bench.write(desired);
    using Clock = std::chrono::steady_clock;
    const auto time = [](auto&& work) {
        const auto begin = Clock::now();
        work();
        return Clock::now() - begin;
    };
    // What the kernel answers only after a grace period: the same table in its place again. The shortest of some.
    const Fd table(bpf_map_get_fd_by_id(bench.maps().flows.find(1).value()));
    auto grace_period = Clock::duration::max();
    for (int i = 0; i < 5; ++i)
        grace_period = std::min(
            grace_period, time([&] { CHECK(bench.maps().flows.put(1, static_cast<uint32_t>(table.get())) == 0); }));

    for (uint16_t slot = kFirst; slot < kFirst + kPods; ++slot)
        desired.pods[slot] = pod(slot, kBlog, 100u + slot);
    auto shortest = Clock::duration::max(); // as others may take the CPUs meanwhile
    for (uint32_t generation = 1000; generation < 1005; ++generation) {
        for (uint16_t slot = kFirst; slot < kFirst + kPods; ++slot)
            desired.pods[slot].generation = generation; // another pod each
        std::map<uint16_t, std::optional<uint32_t>> before;
        for (uint16_t slot = kFirst; slot < kFirst + kPods; ++slot)
            before[slot] = bench.maps().flows.find(slot);
        shortest = std::min(shortest, time([&] { CHECK(bench.write(desired, Touched{}).in_sync()); }));
        for (const auto& [slot, table_before] : before) {
            CHECK(bench.maps().flows.find(slot));
            CHECK(bench.maps().flows.find(slot) != table_before);
        }
    }
    if (grace_period < std::chrono::milliseconds(2))
        WARN("grace periods are too short just now to tell who waits for them");
    else
        CHECK(shortest < grace_period * (kPods - 1));
}

TEST_CASE("long lists of openings go over several parts and shrink back", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    auto& rows = desired.openings[{.dst = kPayments, .src = kBlog}];
    rows.clear();
    std::vector<uint16_t> ports;
    for (uint16_t port = 1; port <= 40; port++) {
        rows.push_back(granted(port));
        ports.push_back(port);
    }
    bench.write(desired);
    CHECK(ports_in_kernel(bench.maps(), kPayments, kBlog) == ports);

    rows = {granted(7), granted(99)};
    bench.write(desired);
    CHECK(ports_in_kernel(bench.maps(), kPayments, kBlog) == std::vector<uint16_t>{7, 99});
    CHECK_FALSE(bench.maps().openings.find({.dst = kPayments, .src = kBlog, .part = 1}));

    SECTION("more than there is room for is reported") {
        rows.clear();
        for (uint16_t port = 1; port <= kMaxOpeningRows + 1; port++)
            rows.push_back(granted(port));
        const auto report = bench.write(desired);
        CHECK(report.failed == 1);
        CHECK(report.failures.at(0).map == "openings");
    }
}

TEST_CASE("an end date is in the kernel as jiffies, and what is over stays over", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    auto& row = desired.openings[{.dst = kPayments, .src = kBlog}][0];
    row.until = now + std::chrono::seconds(100);
    bench.write(desired);
    const auto until = [&] {
        return bench.maps().openings.find({.dst = kPayments, .src = kBlog, .part = 0})->row[0].until;
    };
    const auto moment = need(bench.clock().now());
    CHECK(until() > moment.jiffies + 97 * moment.hertz);
    CHECK(until() < moment.jiffies + 103 * moment.hertz);

    row.until = state::Time{}; // 1970
    bench.write(desired);
    CHECK(until() != 0);
    CHECK(until() < moment.jiffies);
}

TEST_CASE("nested prefixes are found as the most specific says", "[writer]") {
    Bench bench;
    auto desired = small_cluster();
    desired.prefixes[cidr("192.168.7.0/24")] = kBlog;
    desired.prefixes[cidr("fd00:1::/32")] = kPayments;
    desired.prefixes[cidr("fd00:1:2::/64")] = kBlog;
    bench.write(desired);
    const auto find4 = [&](const char* text) {
        return bench.maps().prefixes4.find({.length = 32, .address = address(text).raw4()});
    };
    const auto find6 = [&](const char* text) {
        return bench.maps().prefixes6.find({.length = 128, .address = address(text).raw()});
    };
    CHECK(find4("192.168.7.1") == kBlog);
    CHECK(find4("192.168.8.1") == kPayments);
    CHECK(find6("fd00:1:2::1") == kBlog);
    CHECK(find6("fd00:1:2:1::1") == kPayments);
    desired.prefixes.erase(cidr("192.168.7.0/24"));
    bench.write(desired);
    CHECK(find4("192.168.7.1") == kPayments);
}
