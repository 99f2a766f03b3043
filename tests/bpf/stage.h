// SPDX-License-Identifier: Apache-2.0
//
// One node of a cluster without the node: the objects compiled for it, its maps filled by the real
// writer, and the programs asked by test runs. A question is put to the hook that judges it, with the
// circumstances in which its packet would get there.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compile/compiler.h"
#include "compile/interest.h"
#include "datapath/kernel.h"
#include "datapath/test_run.h"
#include "datapath/writer.h"
#include "support/oracle.h"
#include "support/packet_builder.h"

namespace bulkhead::test {

/// The kernel's side, kept from one cluster to the next: the writer goes from each to the next by
/// difference, as an agent would.
class Machine {
public:
    /// Programs and maps that nobody else has, unless they are given.
    Machine();
    explicit Machine(datapath::Kernel kernel);
    void show(const compile::Desired& desired);
    /// What a new agent does with what the one before it left.
    void restart();
    datapath::Rehearsal run(const Fd& program, const Bytes& packet, const datapath::Circumstances& circumstances) const;
    const datapath::Kernel& kernel() const { return kernel_; }

private:
    datapath::Kernel kernel_;
    datapath::Writer writer_;
};

inline constexpr uint32_t kUplink = 2; // ifindex

/// The first packet of a conversation, and another one each time, at the hook that judges it.
struct Probe {
    enum class Hook : uint8_t { kFromPod, kToPod, kUplink };
    Hook hook;
    Address src, dst;
    uint8_t protocol = BH_TCP;
    uint16_t port = 0; // host order
    datapath::Circumstances circumstances;

    datapath::Rehearsal at(const Machine& machine) const;
};

class Stage {
public:
    /// What `node` makes of the objects. Pods of that node have a veth each, with ifindex 100 + slot.
    Stage(const std::vector<state::Object>& objects, const OracleSettings& settings, std::string node);

    /// A change that the cluster hears of, pods and their memory staying what they are.
    void put(state::Object object);
    void remove(const state::ObjectKey& key);
    /// All at once. Pods that stay keep their veth, others get one that nobody had before.
    void become(const std::vector<state::Object>& objects);
    void set_all_pods_known(bool known);

    const compile::Desired& desired() const { return compiler_.desired(); }
    /// What was to be shown before it, after the last change.
    const std::optional<compile::Desired>& halfway() const { return halfway_; }
    compile::Interest interest() const { return compiler_.interest(cluster_); }
    const std::string& node() const { return node_; }
    const state::Cluster& cluster() const { return cluster_; }
    bool has_pod(const std::string& party) const { return slots_.contains(party); }
    /// A pod of this node, or the node itself.
    bool is_here(const std::string& party, uint8_t family) const {
        return has_pod(party) || cluster_.own_addresses().contains(address_of(party, family));
    }
    uint32_t ifindex(const std::string& pod) const { return 100u + slots_.at(pod); }

    /// An address of a party of that family.
    Address address_of(const std::string& party, uint8_t family) const;

    /// bh_judge() in user space over the desired maps. `time` of the question counts.
    bh_reason by_rule(const Question& question) const;

    /// The question's packet; nothing if no hook of this node sees it.
    std::optional<Probe> probe(const Question& question) const;

    /// After machine.show(desired()); `until` dates compare with now. No hook judges it: nothing.
    std::optional<datapath::Rehearsal> by_program(const Machine& machine, const Question& question) const;

private:
    void put_all(const std::vector<state::Object>& objects);
    void update();

    compile::Compiler compiler_;
    std::optional<compile::Desired> halfway_;
    state::Cluster cluster_;
    std::string node_;
    std::map<std::string, uint16_t> slots_; // by "namespace/pod"
    uint16_t slots_used_ = 0;
    std::set<state::ObjectKey> keys_;
    std::map<std::string, std::vector<Address>> addresses_;
};

/// The first packet of a conversation.
Bytes first_packet(const Address& src, const Address& dst, uint8_t protocol, uint16_t port);

} // namespace bulkhead::test
