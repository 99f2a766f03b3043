// SPDX-License-Identifier: Apache-2.0
//
// Loading, pinning and finding again.
#include "datapath/kernel.h"

#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <linux/magic.h>
#include <thread>

#include "datapath/detach.h"
#include "datapath/events.h"
#include "datapath/test_run.h"
#include "datapath_support.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::byte, 64> kAnyFrame{};
constexpr uid_t kNobody = 65534;

} // namespace

TEST_CASE("a bpffs is mounted where there is none, and everything is pinned on it", "[kernel]") {
    const PinPlace place;
    const auto kernel = need(Kernel::open(place.settings()));

    struct statfs info {};
    REQUIRE(statfs(place.path().c_str(), &info) == 0);
    CHECK(info.f_type == BPF_FS_MAGIC);
    CHECK_FALSE(kernel.restored());
    for (const char* pinned : {"maps/endpoints4", "maps/flows", "maps/flow_seed", "programs/bh_to_pod"})
        CHECK(fs::exists(fs::path(place.path()) / pinned));
}

TEST_CASE("a pin directory on a mounted bpffs is used as it is", "[kernel]") {
    const PinPlace place;
    run("mount -t bpf theirs " + place.path());
    auto settings = place.settings();
    settings.pin_dir = place.path() + "/deep/bulkhead";
    {
        const auto kernel = need(Kernel::open(settings));
        CHECK(fs::exists(settings.pin_dir + "/maps/control"));
    }
    need(detach(settings.pin_dir));
    CHECK_FALSE(fs::exists(settings.pin_dir));
    CHECK(output_of("grep -c ' " + place.path() + " ' /proc/self/mounts") == "1\n");
    run("umount " + place.path());
}

TEST_CASE("a restart finds the maps, their content and the flow seed again", "[kernel]") {
    const PinPlace place;
    uint32_t map_id = 0;
    uint64_t seed = 0;
    {
        const auto first = need(Kernel::open(place.settings()));
        map_id = id_of_map(first.maps().endpoints4);
        seed = first.maps().flow_seed.find(0).value();
        REQUIRE(first.maps().endpoints4.put(7, bh_endpoint{.identity = 20, .slot = 0, .flags = 0}) == 0);
    }
    const auto second = need(Kernel::open(place.settings()));
    CHECK(second.restored());
    CHECK(id_of_map(second.maps().endpoints4) == map_id);
    CHECK(second.maps().endpoints4.find(7)->identity == 20);
    CHECK(seed != 0);
    CHECK(second.maps().flow_seed.find(0) == seed);
}

TEST_CASE("a second agent on the same pin directory is refused and told who has it", "[kernel]") {
    const PinPlace place;
    const auto first = need(Kernel::open(place.settings()));
    auto again = place.settings();
    again.pin_dir += "/../" + fs::path(place.path()).filename().string() + "/";

    const auto second = Kernel::open(again);

    REQUIRE_FALSE(second);
    CHECK(second.error().code == EBUSY);
    CHECK(second.error().text.find("process " + std::to_string(getpid())) != std::string::npos);
}

TEST_CASE("who isn't root may not even detach, and that is a missing right", "[kernel]") {
    const PinPlace place;
    const Lock makes_the_directory = need(Lock::take("anything"));
    Result<DetachReport> outcome;
    std::thread([&] {
        const bool nobody = syscall(SYS_setresuid, kNobody, kNobody, kNobody) == 0; // this thread alone
        if (nobody) outcome = detach(place.path());
    }).join();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == EPERM);
}

TEST_CASE("agents with different pin directories live side by side", "[kernel]") {
    const PinPlace one;
    const PinPlace other;
    const auto first = need(Kernel::open(one.settings()));
    const auto second = need(Kernel::open(other.settings()));
    CHECK(id_of_map(first.maps().control) != id_of_map(second.maps().control));
    CHECK(first.pin_dir().tag() != second.pin_dir().tag());
}

TEST_CASE("the programs are told HZ as the kernel has it", "[kernel]") {
    const auto kernel = private_kernel();
    CHECK(kernel.maps().control.find(0)->ticks_per_second == kernel.clock().hertz());
    // /proc/timer_list and the configuration are not there on every kernel; USER_HZ doesn't tell. So: does
    // jiffies' second last a second?
    const auto begin = need(kernel.clock().now());
    const auto started = std::chrono::steady_clock::now();
    auto end = begin;
    while (end.jiffies < begin.jiffies + begin.hertz / 2)
        end = need(kernel.clock().now());
    const std::chrono::duration<double> lasted = std::chrono::steady_clock::now() - started;
    CHECK(lasted.count() > 0.4);
    CHECK(lasted.count() < 0.6);
}

TEST_CASE("a rehearsal shares the maps but neither counts nor reports", "[kernel]") {
    const PinPlace place;
    const auto kernel = need(Kernel::open(place.settings()));
    const auto loaded = kernel.load_rehearsal();
    REQUIRE(loaded);
    const auto& rehearsal = *loaded;
    int events = 0;
    auto ring = need(Events::create(kernel.maps(), [&](const bh_event&) { events++; }));

    // Neither IPv4, IPv6 nor ARP from a pod: refused whoever sent it, if anything were protected.
    const auto answer = need(rehearse(rehearsal.from_pod.get(), kAnyFrame, {.ifindex = 5}));

    CHECK(answer.judged);
    CHECK(answer.reason == BH_REASON_ASLEEP);
    CHECK(answer.verdict == BH_VERDICT_ALLOW);
    CHECK(answer.action == -1);
    CHECK(counted(kernel.maps()).from_pod == 0);
    CHECK(need(ring.consume()) == 0);

    auto control = kernel.maps().control.find(0).value();
    control.armed = 1;
    REQUIRE(kernel.maps().control.put(0, control) == 0);
    const auto awake = need(rehearse(rehearsal.from_pod.get(), kAnyFrame, {.ifindex = 5}));
    CHECK(awake.reason == BH_REASON_ETHERTYPE);
    CHECK(awake.action == 2);
}

TEST_CASE("private programs count and report", "[kernel]") {
    const auto kernel = private_kernel();
    std::vector<bh_event> events;
    auto ring = need(Events::create(kernel.maps(), [&](const bh_event& event) { events.push_back(event); }));

    need(rehearse(kernel.programs().from_pod.get(), kAnyFrame, {.ifindex = 77}));

    CHECK(counted(kernel.maps()).from_pod == 1);
    CHECK(need(ring.consume()) == 1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].ifindex == 77);
    CHECK(events[0].direction == BH_EGRESS);
}
