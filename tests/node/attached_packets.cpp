// SPDX-License-Identifier: Apache-2.0
//
// The tables' packets, sent through the programs as they are attached to devices: by tcx or by clsact, which
// BULKHEAD_ATTACH says (see tables.cmake). What a pod sends comes out of its end of the veth; what this node's socket
// sends goes into the host's end; everything else is thrown at the device with the number of the one that it came in
// by. What became of a packet tell the programs' counters, and a witness that stands behind them.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <memory>
#include <string_view>

#include "bpf/packets_table.h"
#include "datapath/attach.h"
#include "datapath/counters.h"
#include "datapath_support.h"
#include "support/deadline.h"
#include "witness.skel.h"

namespace bulkhead::test {

namespace {

using namespace datapath;

constexpr uint16_t kVlan = 0x8100, kProviderVlan = 0x88a8;
constexpr uint32_t kWitnessPriority = 50; // ours are before every filter, or on priority 1
constexpr bool kUsesTcx = std::string_view(BULKHEAD_ATTACH) == "tcx";
constexpr uint32_t kPods = 6; // a table's pods are at most as many

uint16_t ethertype_of(const Bytes& frame) {
    return static_cast<uint16_t>(frame.at(12) << 8 | frame.at(13));
}

/// The kernel takes the outermost tag off before any program sees the frame: so that it sees this one, one more.
Bytes as_sent(Bytes frame) {
    const uint16_t ethertype = ethertype_of(frame);
    if (ethertype == kVlan || ethertype == kProviderVlan)
        frame.insert(frame.begin() + 12, {kVlan >> 8, kVlan & 0xff, 0, 7});
    return frame;
}

void send_out_of(uint32_t ifindex, const Bytes& frame) {
    const Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ethertype_of(frame));
    to.sll_ifindex = static_cast<int>(ifindex);
    const ssize_t sent =
        sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    // ENOBUFS: a program at that device dropped it.
    REQUIRE((sent == static_cast<ssize_t>(frame.size()) || errno == ENOBUFS));
}

uint32_t other_end_of(uint32_t ifindex) {
    return 2000 + ifindex;
}

/// A veth whose host side has this number.
void make_veth(uint32_t ifindex) {
    const std::string host = "d" + std::to_string(ifindex), pod = "e" + std::to_string(ifindex);
    run("ip link add " + host + " index " + std::to_string(ifindex) + " type veth peer name " + pod + " index " +
        std::to_string(other_end_of(ifindex)));
    run("ip link set " + host + " mtu 9001 up && ip link set " + pod + " mtu 9001 up");
}

struct Destroy {
    void operator()(witness* programs) const { witness::destroy(programs); }
};

class Witness {
public:
    Witness() : programs_(witness::open_and_load()) { REQUIRE(programs_); }

    /// Behind whatever is there.
    void attach(uint32_t ifindex) const {
        for (const auto side : {BPF_TC_INGRESS, BPF_TC_EGRESS}) {
            bpf_tc_hook hook{.sz = sizeof hook, .ifindex = static_cast<int>(ifindex), .attach_point = side};
            const int made = bpf_tc_hook_create(&hook);
            REQUIRE((made == 0 || made == -EEXIST));
            bpf_tc_opts options{};
            options.sz = sizeof options;
            options.prog_fd = bpf_program__fd(programs_->progs.witness);
            options.handle = 1;
            options.priority = kWitnessPriority;
            REQUIRE(bpf_tc_attach(&hook, &options) == 0);
        }
    }

    void throw_out_of(uint32_t ifindex, const Bytes& frame, uint32_t came_in_by, uint32_t mark) const {
        __sk_buff context{};
        context.cb[0] = ifindex;
        context.ingress_ifindex = came_in_by;
        context.mark = mark;
        struct bpf_test_run_opts options {};
        options.sz = sizeof options;
        options.data_in = frame.data();
        options.data_size_in = static_cast<uint32_t>(frame.size());
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
        REQUIRE(bpf_prog_test_run_opts(bpf_program__fd(programs_->progs.thrower), &options) == 0);
    }

    uint64_t seen() const { return __atomic_load_n(&programs_->bss->seen, __ATOMIC_ACQUIRE); }
    uint32_t last_mark() const { return programs_->bss->last_mark; }

private:
    std::unique_ptr<witness, Destroy> programs_;
};

/// The tables' node: its uplink, a veth for each pod, and one that no row names.
class AttachedNode {
public:
    AttachedNode() : machine_(need(Kernel::open(place_.settings()))), attacher_(machine_.kernel(), kUsesTcx) {
        if (kUsesTcx && !machine_.kernel().features().tcx) SKIP("this kernel has no tcx");
        std::vector<uint32_t> veths{kUnknownIfindex};
        for (uint32_t slot = 1; slot <= kPods; ++slot)
            veths.push_back(100 + slot);
        for (const uint32_t veth : veths) {
            make_veth(veth);
            witness_.attach(veth);
            need(attacher_.guard(veth));
        }
        make_veth(kUplink);
        witness_.attach(kUplink);
        need(attacher_.uplink(kUplink));
    }

    Machine& machine() { return machine_; }

    Met meet(const Wire& wire, const Way& way, const Bytes& frame) const {
        const uint32_t device = ifindex_of(wire, way.veth);
        const auto before = reasons();
        const uint64_t passed_before = witness_.seen();
        if (way.hook == Way::Hook::kFromPod)
            send_out_of(other_end_of(device), as_sent(frame));
        else if (way.from == kFromNode)
            send_out_of(device, frame);
        else
            witness_.throw_out_of(device, frame, ifindex_of(wire, way.from), way.mark);
        const bool met = wait_until([&] { return witness_.seen() != passed_before || reasons() != before; }, after(5s));
        REQUIRE(met);
        const bool passes = witness_.seen() != passed_before;
        return {.judged = newest(before, reasons()), .passes = passes, .mark = passes ? witness_.last_mark() : 0};
    }

private:
    using Reasons = std::array<uint64_t, BH_REASON_COUNT>;

    Reasons reasons() const {
        Reasons sum{};
        for (uint16_t slot = 0; slot <= kPods; ++slot)
            for (const auto& direction : need(read_counters(machine_.kernel().maps(), slot)))
                for (size_t reason = 0; reason < sum.size(); ++reason)
                    sum[reason] += direction[reason].packets;
        return sum;
    }

    /// The reason that was counted since.
    static std::optional<bh_reason> newest(const Reasons& before, const Reasons& now) {
        std::optional<bh_reason> found;
        for (size_t reason = 0; reason < now.size(); ++reason) {
            if (now[reason] == before[reason]) continue;
            REQUIRE(now[reason] == before[reason] + 1);
            REQUIRE_FALSE(found); // there is one judge
            found = static_cast<bh_reason>(reason);
        }
        return found;
    }

    PinPlace place_;
    Machine machine_;
    Attacher attacher_;
    Witness witness_;
};

AttachedNode& node() {
    static AttachedNode node;
    return node;
}

} // namespace

Machine& shared_machine() {
    return node().machine();
}

Met meet(const Wire& wire, const Way& way, const Bytes& packet) {
    return node().meet(wire, way, packet);
}

} // namespace bulkhead::test
