// SPDX-License-Identifier: Apache-2.0
//
// Our programs on real devices: beside others' filters, across restarts, and until detach.
#include "datapath/attach.h"

#include <catch2/generators/catch_generators_range.hpp>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "attach_modes.h"
#include "base/fd.h"
#include "datapath/detach.h"
#include "datapath_support.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;

namespace fs = std::filesystem;

namespace {

/// Lock files that carry this process' pid. Other agents' and the directory itself may be there or not.
int locks_signed_by_us() {
    int ours = 0;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/run/bulkhead", none)) {
        pid_t pid = 0;
        std::ifstream(entry.path()) >> pid;
        ours += pid == getpid();
    }
    return ours;
}

/// One life of an agent. It ends as a killed one does: nothing is cleaned up.
class Agent {
public:
    Agent(const Kernel::Settings& settings, AttachMode mode)
        : kernel_(need(Kernel::open(settings))), attacher_(kernel_, need(decide_tcx(mode, kernel_.features()))) {}

    Attacher& attacher() { return attacher_; }
    const Kernel& kernel() const { return kernel_; }

    /// Sends a packet each way and tells whether our programs saw each once.
    bool sees_both_ways(const Veth& veth) const {
        const Counted before = counted(kernel_.maps());
        veth.send_both_ways();
        const Counted after = counted(kernel_.maps());
        return after.from_pod == before.from_pod + 1 && after.to_pod == before.to_pod + 1;
    }

private:
    Kernel kernel_;
    Attacher attacher_;
};

/// Another agent's filters, where and as the VPC CNI's puts them: priority 1, handle 1. They drop everything,
/// so that one can see whether they run, and in front of ours would hide them.
void add_foreign_filters(const Veth& veth) {
    run("tc qdisc add dev " + veth.name() + " clsact 2>/dev/null; true");
    for (const std::string side : {"ingress", "egress"})
        run("tc filter add dev " + veth.name() + " " + side +
            " prio 1 protocol all handle 0x1 bpf da bytecode '1,6 0 0 2,'");
}

/// Packets that foreign filters dropped on both sides.
int dropped_by_others(const Veth& veth) {
    const std::string text = output_of("tc -s qdisc show dev " + veth.name() + " clsact");
    const auto at = text.find("dropped ");
    REQUIRE(at != std::string::npos);
    return std::stoi(text.substr(at + 8));
}

std::string filters_on(const Veth& veth) {
    return output_of("tc filter show dev " + veth.name() + " ingress; tc filter show dev " + veth.name() + " egress");
}

bool has_our_filters(const Veth& veth) {
    return filters_on(veth).find("bh_") != std::string::npos;
}

bool has_clsact(const Veth& veth) {
    return output_of("tc qdisc show dev " + veth.name()).find("clsact") != std::string::npos;
}

std::string link_id(const PinPlace& place, const Veth& veth, const std::string& hook) {
    const std::string pin = place.path() + "/links/" + std::to_string(veth.ifindex()) + "-" + hook;
    const std::string text = output_of("bpftool link show pinned " + pin);
    return text.substr(0, text.find(':'));
}

std::vector<AttachMode> modes() {
    if (kernel_has_tcx()) return {AttachMode::kTcx, AttachMode::kClsact};
    return {AttachMode::kClsact};
}

void need_tcx() {
    need_root();
    if (!kernel_has_tcx()) SKIP("this kernel has no tcx");
}

} // namespace

TEST_CASE("a guarded veth has a program on each side, and others' filters still run behind them", "[attach]") {
    for (const AttachMode mode : modes()) {
        DYNAMIC_SECTION((mode == AttachMode::kTcx ? "tcx" : "clsact")) {
            const PinPlace place;
            const Veth veth("eni0a");
            Agent agent(place.settings(), mode);
            add_foreign_filters(veth);

            need(agent.attacher().guard(veth.ifindex()));

            const int before = dropped_by_others(veth);
            CHECK(agent.sees_both_ways(veth));
            CHECK(dropped_by_others(veth) == before + 2);
            const auto state = need(agent.attacher().query(veth.ifindex()));
            CHECK(state.attached);
            CHECK(state.first);
            CHECK(has_our_filters(veth) == (mode == AttachMode::kClsact));
        }
    }
}

TEST_CASE("with clsact a veth that has an ingress qdisc in its place is refused; tcx attaches as ever", "[attach]") {
    for (const AttachMode mode : modes()) {
        DYNAMIC_SECTION((mode == AttachMode::kTcx ? "tcx" : "clsact")) {
            const PinPlace place;
            const Veth veth("eni0a");
            Agent agent(place.settings(), mode);
            run("tc qdisc add dev eni0a ingress");
            const auto guarded = agent.attacher().guard(veth.ifindex());
            CHECK_FALSE(has_our_filters(veth)); // what judges packets to the pod would see those from it
            CHECK(guarded.has_value() == (mode == AttachMode::kTcx));
            if (!guarded) CHECK(guarded.error().text.find("an ingress qdisc is in its place") != std::string::npos);

            run("tc qdisc del dev eni0a ingress");
            need(agent.attacher().guard(veth.ifindex()));
            CHECK(agent.sees_both_ways(veth));
        }
    }
}

TEST_CASE("a stand-in judges at once, and goes when the links are there", "[attach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    Agent agent(place.settings(), AttachMode::kTcx);
    CHECK_FALSE(need(agent.attacher().begin(veth.ifindex())));
    CHECK(has_our_filters(veth));
    CHECK(agent.sees_both_ways(veth));
    need(agent.attacher().guard(veth.ifindex()));
    CHECK_FALSE(has_our_filters(veth));
    CHECK(agent.sees_both_ways(veth));
    CHECK(need(agent.attacher().begin(veth.ifindex())));
    CHECK_FALSE(has_our_filters(veth));
    need(agent.attacher().release(veth.ifindex()));
    CHECK_FALSE(has_clsact(veth));
}

/// Frames out of a device, as fast as one thread can, through its qdisc.
class Stream {
public:
    explicit Stream(const Veth& veth) : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
        to_.sll_family = AF_PACKET;
        to_.sll_ifindex = static_cast<int>(veth.ifindex());
        REQUIRE(fd_.valid());
        thread_ = std::thread([this] { send(); });
    }
    ~Stream() { end(); }

    void goes_on() const {
        for (const int from = sent_; sent_ < from + 1000;)
            std::this_thread::yield();
    }
    void end() {
        over_ = true;
        if (thread_.joinable()) thread_.join();
    }

private:
    void send() {
        const std::array<uint8_t, 60> frame{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
        for (; !over_; ++sent_) { // not more than the other end's CPU takes: that would be a loss of another kind
            if (sent_ % 50 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
            (void)sendto(fd_.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to_), sizeof to_);
        }
    }

    Fd fd_;
    sockaddr_ll to_{};
    std::atomic<bool> over_{false};
    std::atomic<int> sent_{0};
    std::thread thread_;
};

/// Packets that the kernel dropped instead of sending them out of it.
int dropped_on(const Veth& veth) {
    const std::string text = output_of("ip -j -s link show dev " + veth.name());
    const auto tx = text.find("\"tx\":");
    const std::string word = "\"dropped\":";
    const auto at = text.find(word, tx);
    REQUIRE(at != std::string::npos);
    return std::stoi(text.substr(at + word.size()));
}

TEST_CASE("attaching by tcx to a busy device costs it no packet", "[attach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    Agent agent(place.settings(), AttachMode::kTcx);
    const bool is_uplink = GENERATE(false, true);
    const int before = dropped_on(veth);
    Stream stream(veth);
    stream.goes_on();
    need(is_uplink ? agent.attacher().uplink(veth.ifindex()) : agent.attacher().guard(veth.ifindex()));
    stream.goes_on();
    stream.end();
    CHECK(dropped_on(veth) == before);
}

TEST_CASE("auto takes tcx where it works", "[attach]") {
    const PinPlace place;
    Agent agent(place.settings(), AttachMode::kAuto);
    CHECK(agent.attacher().uses_tcx() == agent.kernel().features().tcx);
}

TEST_CASE("with clsact, a filter that others add later is overtaken again, and the gap is counted", "[attach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    Agent agent(place.settings(), AttachMode::kClsact);
    need(agent.attacher().guard(veth.ifindex()));
    add_foreign_filters(veth);
    CHECK_FALSE(need(agent.attacher().query(veth.ifindex())).first);
    CHECK_FALSE(agent.sees_both_ways(veth));

    need(agent.attacher().on_filter_event(veth.ifindex()));

    CHECK(agent.attacher().reattachments() == 1);
    CHECK(agent.sees_both_ways(veth));
    CHECK(filters_on(veth).find("handle 0x1 ") != std::string::npos);
    SECTION("and our own events cause no more work") {
        need(agent.attacher().on_filter_event(veth.ifindex()));
        CHECK(agent.attacher().reattachments() == 1);
    }
    SECTION("as often as it happens") {
        run("tc filter del dev eni0a ingress prio 1 handle 0x1 bpf");
        run("tc filter add dev eni0a ingress prio 1 protocol all handle 0x1 bpf da bytecode '1,6 0 0 2,'");
        need(agent.attacher().on_filter_event(veth.ifindex()));
        CHECK(agent.sees_both_ways(veth));
    }
}

TEST_CASE("a restart takes the links over and exchanges the programs in them", "[attach]") {
    need_tcx();
    const PinPlace place;
    const Veth veth("eni0a");
    std::string link;
    {
        Agent first(place.settings(), AttachMode::kTcx);
        need(first.attacher().guard(veth.ifindex()));
        link = link_id(place, veth, "to_pod");
    }
    Agent second(place.settings(), AttachMode::kTcx);
    CHECK(second.attacher().left_over() == std::set<uint32_t>{veth.ifindex()});
    CHECK(second.sees_both_ways(veth)); // before anybody does anything: the old program counts in the same map

    need(second.attacher().guard(veth.ifindex()));

    CHECK(link_id(place, veth, "to_pod") == link);
    CHECK(second.sees_both_ways(veth));
    CHECK(second.attacher().left_over().empty());
    CHECK(second.attacher().reattachments() == 0);
}

TEST_CASE("a restart replaces the filters in place", "[attach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    std::string before;
    {
        Agent first(place.settings(), AttachMode::kClsact);
        need(first.attacher().guard(veth.ifindex()));
        before = filters_on(veth);
    }
    Agent second(place.settings(), AttachMode::kClsact);
    need(second.attacher().guard(veth.ifindex()));

    const std::string after = filters_on(veth);
    const auto handle_of = [](const std::string& text) { return text.substr(text.find("handle"), 17); };
    CHECK(handle_of(after) == handle_of(before));
    CHECK(after != before); // another program
    CHECK(second.sees_both_ways(veth));
}

TEST_CASE("an agent that attaches by tcx takes over from one by clsact and leaves nothing of it", "[attach]") {
    need_tcx();
    const PinPlace place;
    const Veth veth("eni0a");
    need(Agent(place.settings(), AttachMode::kClsact).attacher().guard(veth.ifindex())); // and ends
    Agent second(place.settings(), AttachMode::kTcx);
    need(second.attacher().guard(veth.ifindex()));

    CHECK(second.sees_both_ways(veth)); // once, not twice
    CHECK_FALSE(has_our_filters(veth));
    CHECK_FALSE(fs::is_empty(place.path() + "/links"));
}

TEST_CASE("an agent that attaches by clsact takes over from one by tcx and leaves nothing of it", "[attach]") {
    need_tcx();
    const PinPlace place;
    const Veth veth("eni0a");
    need(Agent(place.settings(), AttachMode::kTcx).attacher().guard(veth.ifindex())); // and ends
    Agent second(place.settings(), AttachMode::kClsact);
    need(second.attacher().guard(veth.ifindex()));

    CHECK(second.sees_both_ways(veth));
    CHECK(has_our_filters(veth));
    CHECK(fs::is_empty(place.path() + "/links"));
}

TEST_CASE("reconcile puts back what others took off", "[attach]") {
    for (const AttachMode mode : modes()) {
        DYNAMIC_SECTION((mode == AttachMode::kTcx ? "tcx" : "clsact")) {
            const PinPlace place;
            const Veth veth("eni0a");
            Agent agent(place.settings(), mode);
            need(agent.attacher().guard(veth.ifindex()));
            if (mode == AttachMode::kClsact) run("tc qdisc del dev eni0a clsact");
            if (mode == AttachMode::kTcx)
                run("bpftool link detach pinned " + place.path() + "/links/" + std::to_string(veth.ifindex()) +
                    "-to_pod");
            CHECK_FALSE(need(agent.attacher().query(veth.ifindex())).attached);

            CHECK(agent.attacher().reconcile().empty());

            CHECK(agent.sees_both_ways(veth));
            CHECK(agent.attacher().reattachments() == 1);
            CHECK(agent.attacher().reconcile().empty());
            CHECK(agent.attacher().reattachments() == 1);
        }
    }
}

TEST_CASE("a tcx program that others put before ours is noticed and overtaken", "[attach]") {
    need_tcx();
    const PinPlace place;
    const PinPlace others;
    const Veth veth("eni0a");
    Agent agent(place.settings(), AttachMode::kTcx);
    need(agent.attacher().guard(veth.ifindex()));
    Agent foreign(others.settings(), AttachMode::kTcx);
    need(foreign.attacher().guard(veth.ifindex()));
    CHECK_FALSE(need(agent.attacher().query(veth.ifindex())).first);

    CHECK(agent.attacher().reconcile().empty());

    CHECK(need(agent.attacher().query(veth.ifindex())).first);
    CHECK(agent.attacher().reattachments() == 1);
    CHECK(agent.sees_both_ways(veth));
    CHECK(foreign.sees_both_ways(veth));
}

TEST_CASE("a vanished device takes its pins along, and its number may come back", "[attach]") {
    need_tcx();
    const PinPlace place;
    Agent agent(place.settings(), AttachMode::kTcx);
    uint32_t ifindex = 0;
    {
        const Veth veth("eni0a");
        ifindex = veth.ifindex();
        need(agent.attacher().guard(ifindex));
    }
    SECTION("reconcile removes them") {
        CHECK(agent.attacher().reconcile().empty());
        CHECK(fs::is_empty(place.path() + "/links"));
        CHECK(fs::is_empty(place.path() + "/qdiscs"));
    }
    SECTION("another device with that number is guarded for itself") {
        run("ip link add eni0b index " + std::to_string(ifindex) + " type veth peer name eni0bp");
        run("ip link set eni0b up && ip link set eni0bp up");
        need(agent.attacher().guard(ifindex));
        CHECK(need(agent.attacher().query(ifindex)).attached);
        run("ip link delete eni0b");
    }
    CHECK_FALSE(agent.attacher().guard(ifindex));
    need(agent.attacher().release(ifindex));
}

TEST_CASE("an uplink has one program, for what leaves", "[attach]") {
    const PinPlace place;
    const Veth veth("eth9");
    Agent agent(place.settings(), GENERATE(from_range(modes())));
    need(agent.attacher().uplink(veth.ifindex()));
    CHECK(need(agent.attacher().query(veth.ifindex())).attached);
    CHECK(filters_on(veth).find("bh_from_pod") == std::string::npos);
}

TEST_CASE("release takes our programs off and leaves others' alone", "[attach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    Agent agent(place.settings(), GENERATE(from_range(modes())));
    need(agent.attacher().guard(veth.ifindex()));
    SECTION("with the qdisc that was ours") {
        need(agent.attacher().release(veth.ifindex()));
        CHECK_FALSE(has_clsact(veth));
    }
    SECTION("but not with a qdisc that others use") {
        add_foreign_filters(veth);
        need(agent.attacher().release(veth.ifindex()));
        CHECK(filters_on(veth).find("handle 0x1 ") != std::string::npos);
    }
    CHECK_FALSE(agent.sees_both_ways(veth));
    CHECK_FALSE(has_our_filters(veth));
}

TEST_CASE("detach refuses while an agent lives", "[detach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    Agent agent(place.settings(), AttachMode::kAuto);
    need(agent.attacher().guard(veth.ifindex()));

    const auto refused = detach(place.path());

    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == EBUSY);
    CHECK(agent.sees_both_ways(veth));
}

TEST_CASE("detach leaves nothing, and again nothing", "[detach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    const AttachMode mode = GENERATE(from_range(modes()));
    {
        Agent agent(place.settings(), mode);
        need(agent.attacher().begin(veth.ifindex())); // by tcx too, the qdisc is made for the filters that come first
        need(agent.attacher().guard(veth.ifindex()));
        REQUIRE(locks_signed_by_us() == 1);
    }
    const auto report = need(detach(place.path()));

    CHECK(report.pins);
    CHECK(report.links == (mode == AttachMode::kTcx ? 2 : 0));
    CHECK(report.filters == (mode == AttachMode::kClsact ? 2 : 0));
    CHECK(report.qdiscs == 1);
    CHECK_FALSE(has_clsact(veth));
    CHECK(output_of("bpftool net show dev eni0a").find("bh_") == std::string::npos);
    CHECK_FALSE(fs::exists(place.path()));
    CHECK(locks_signed_by_us() == 0);
    const auto again = need(detach(place.path()));
    CHECK_FALSE(again.pins);
    CHECK(again.links + again.filters + again.qdiscs == 0);
}

TEST_CASE("detach finds our filters where the pins are gone", "[detach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    {
        Agent agent(place.settings(), AttachMode::kClsact);
        need(agent.attacher().guard(veth.ifindex()));
    }
    run("umount " + place.path());
    REQUIRE(has_our_filters(veth));
    SECTION("and takes the qdisc that only they were on") {
        CHECK(need(detach(place.path())).filters == 2);
        CHECK_FALSE(has_clsact(veth));
    }
    SECTION("but neither others' filters nor another instance's") {
        const PinPlace other;
        Agent neighbour(other.settings(), AttachMode::kClsact);
        need(neighbour.attacher().guard(veth.ifindex()));
        CHECK(need(detach(place.path())).filters == 2);
        CHECK(neighbour.sees_both_ways(veth));
    }
}

TEST_CASE("detach keeps a clsact qdisc that was there before us", "[detach]") {
    const PinPlace place;
    const Veth veth("eni0a");
    run("tc qdisc add dev eni0a clsact");
    {
        Agent agent(place.settings(), GENERATE(from_range(modes())));
        need(agent.attacher().guard(veth.ifindex()));
    }
    need(detach(place.path()));
    CHECK(has_clsact(veth));
    CHECK_FALSE(has_our_filters(veth));
}
