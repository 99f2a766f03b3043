// SPDX-License-Identifier: Apache-2.0
//
// A cluster small enough to keep in one's head, on one node (node-a) but for the pods of node-b, and a way to
// send packets through its hooks.
//
//     blog      open            web (10.0.1.1), far (10.0.2.1, node-b)
//     payments  protected       ledger (10.0.1.2; exposes 8443/TCP and 5300/UDP), remote (10.0.2.2, node-b)
//     batch     confined, open  job (10.0.1.3; allowTo 203.0.113.0/24)
//     accounts  protected       gate (10.0.1.4; exposes 8080/TCP)
//     vault     protected       AWSResource, 10.0.200.10 and fd00:c8::10
//
// IPv6 addresses end alike: fd00:1::1 ...
#pragma once

#include <string>

#include "bpf/stage.h"
#include "bulkhead/reasons.h"

namespace bulkhead::test {

inline constexpr const char* kWeb = "blog/web";
inline constexpr const char* kFar = "blog/far";
inline constexpr const char* kLedger = "payments/ledger";
inline constexpr const char* kRemote = "payments/remote";
inline constexpr const char* kJob = "batch/job";
inline constexpr const char* kGate = "accounts/gate";

std::vector<state::Object> small_cluster();
state::Namespace blog_namespace(bool is_protected);
/// A Protected namespace of a tenant of its own name, in audit mode.
state::Namespace audited_namespace(const std::string& name);
state::Pod ledger_pod(const std::string& expose);
state::Tenant batch_tenant(bool allowed_to_world);

/// Both families run the same tests: names for the addresses above.
struct Family {
    uint8_t family;
    std::string at(const Stage& stage, const std::string& party) const {
        return stage.address_of(party, family).text();
    }
    std::string vault() const { return family == BH_IPV4 ? "10.0.200.10" : "fd00:c8::10"; }
    std::string stranger() const { return family == BH_IPV4 ? "198.51.100.9" : "2001:db8::9"; }
    /// Where a packet without options has its ports.
    size_t source_port() const { return 14 + (family == BH_IPV4 ? 20u : 40u); }
    size_t destination_port() const { return source_port() + 2; }
    std::string node() const { return family == BH_IPV4 ? "10.0.0.1" : "fd00::1"; }
};

/// Another port in a packet that is sent many times.
inline void put_port(Bytes& packet, size_t at, unsigned port) {
    packet[at] = static_cast<uint8_t>(port >> 8);
    packet[at + 1] = static_cast<uint8_t>(port);
}

class Wire {
public:
    explicit Wire(Machine& machine) : stage(small_cluster(), {}, "node-a"), machine_(machine) { show(); }

    void show() { machine_.show(stage.desired()); }

    /// What the hook says of a packet that the pod sends.
    datapath::Rehearsal sent_by(const std::string& pod, const Bytes& packet) const {
        return machine_.run(machine_.kernel().programs().from_pod, packet, {.ifindex = stage.ifindex(pod)});
    }
    /// ... that reaches a pod from another one here, from the uplink, or from this node's own socket.
    datapath::Rehearsal to(const std::string& pod, const Bytes& packet, const std::string& from_pod) const {
        return arrives(pod, packet, stage.ifindex(from_pod), false);
    }
    datapath::Rehearsal to(const std::string& pod, const Bytes& packet) const {
        return arrives(pod, packet, kUplink, false);
    }
    datapath::Rehearsal from_node_to(const std::string& pod, const Bytes& packet, bool socket = true) const {
        return arrives(pod, packet, 0, socket);
    }
    /// ... that leaves the node.
    datapath::Rehearsal off_node(const std::string& pod, const Bytes& packet) const {
        return machine_.run(machine_.kernel().programs().uplink, packet,
                            {.ifindex = kUplink, .ingress_ifindex = stage.ifindex(pod)});
    }

    uint64_t statistic(bh_statistic which) const;

    Stage stage;

private:
    datapath::Rehearsal arrives(const std::string& pod, const Bytes& packet, uint32_t from, bool socket) const {
        return machine_.run(machine_.kernel().programs().to_pod, packet,
                            {.ifindex = stage.ifindex(pod), .ingress_ifindex = from, .local_socket = socket});
    }
    Machine& machine_;
};

/// One for the whole process: loading the programs takes most of a second.
Machine& shared_machine();

inline constexpr int kPasses = -1, kDropped = 2;

} // namespace bulkhead::test
