// SPDX-License-Identifier: Apache-2.0
//
// Others on a pod's veth: programs that count what passes them, attached by tc filters or tcx as other agents do it.
#pragma once

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "metrics_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {

inline constexpr int kContinue = TC_ACT_UNSPEC; // what follows runs; also TCX_NEXT
inline constexpr int kHide = TC_ACT_OK;         // what follows doesn't; also TCX_PASS

enum class Way : uint8_t { kFromPod, kToPod }; // as the host's side of the veth sees it: ingress, egress
inline constexpr Way kWays[] = {Way::kFromPod, Way::kToPod};

/// A classifier of somebody else's. It is attached for as long as whatever holds it.
class ForeignProgram {
public:
    /// Counts packets and returns `action`.
    explicit ForeignProgram(int action);
    int fd() const { return fd_.get(); }
    uint64_t packets() const;

private:
    Fd counter_;
    Fd fd_;
};

/// The host's end of a pod's veth, in its node's namespace.
class HostEnd {
public:
    HostEnd(const Place& node, const Place& pod);

    const std::string& name() const { return name_; }
    uint32_t ifindex() const { return ifindex_; }
    void add_filter(Way way, const ForeignProgram& program, uint32_t priority, uint32_t handle) const;
    void delete_filter(Way way, uint32_t priority, uint32_t handle) const;
    /// In the order in which they run, "1:0x1234 bh_to_pod": priority, handle, program.
    std::vector<std::string> filters(Way way) const;
    /// Runs "tc ...", with this device's name for every "DEV"; its exit status.
    int tc(std::string words) const;

    /// `flags` is BPF_F_BEFORE or BPF_F_AFTER, of all or of one program.
    struct Anchor {
        uint32_t flags = 0;
        uint32_t program_id = 0;
    };
    Fd link(Way way, const ForeignProgram& program, Anchor anchor) const;
    void attach(Way way, const ForeignProgram& program, Anchor anchor) const;
    void detach(Way way, const ForeignProgram& program) const;
    /// Ids and names of the programs by tcx, in the order in which they run.
    std::vector<std::pair<uint32_t, std::string>> tcx(Way way) const;
    /// The id of ours; the end of the test if there is none.
    uint32_t our_program(Way way) const;

private:
    const Netns* netns_;
    std::string name_;
    uint32_t ifindex_ = 0;
};

/// Does with each new pod what the network policy agent of the VPC CNI does: filters at priority 1, handle 1, that
/// return TC_ACT_OK, once the veth is up; with a pod's end it deletes the first filter of handle 1.
class PolicyAgent {
public:
    void on_pod(const HostEnd& veth) const;
    void on_pod_gone(const HostEnd& veth) const;
    uint64_t packets(Way way) const { return program(way).packets(); }

private:
    const ForeignProgram& program(Way way) const { return way == Way::kFromPod ? from_pod_ : to_pod_; }
    ForeignProgram from_pod_{kHide}, to_pod_{kHide};
};

/// A protected pod that serves and one of its tenant, strangers near and far, and an agent on the first's node.
struct Neighbourhood {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeB, "vault/kin", 21);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);
    EchoServer server = require(EchoServer::start(safe.netns, {8080}));
    HostEnd veth{node, safe};

    Neighbourhood();
    AgentProcess agent(const std::string& attach) const;
    double reattachments() const;
    /// Ours are there and first again after somebody's change: strangers are out and kin is in.
    void check_isolated() const;
    /// ... and it was counted and logged that it was not so before.
    void check_mended(const AgentProcess& agent, double reattachments_before, const std::string& logged) const;
};

/// Whether anything comes back, by UDP in IPv4 or TCP in IPv6.
bool reaches(const Place& from, const Place& to, Clock::duration limit);

} // namespace bulkhead::test
