// SPDX-License-Identifier: Apache-2.0
//
// Whether a pod that was just wired may start, and if not, why not. Asked by bulkhead-cni, again and again, so each
// answer is about now: what the kernel has is read from there, and which device has a name is asked of the kernel too.
// For a pod that comes back under its name has a veth of the same name, and news of it may still be under way.
#include <net/if.h>

#include <algorithm>

#include "agent.h"
#include "source/netlink/pod_names.h"

namespace bulkhead {

namespace {

bool contains(const std::vector<Address>& addresses, const Address& address) {
    return std::ranges::find(addresses, address) != addresses.end();
}

} // namespace

/// Why not; empty = it may.
std::string Agent::gate(const GateQuestion& question) const {
    if (!whole_) return "the agent hasn't heard everything yet from " + options_.source;
    if (!settled_) return "what the agent heard isn't all in the kernel yet";
    if (question.pod.empty()) return "";
    if (auto why = gate_of_object(question); !why.empty()) return why;
    bool found = false;
    for (const auto& name : question.interfaces) {
        const auto ifindex = if_nametoindex(name.c_str());
        const bool has_pods_name = netlink::is_pods_name(name, options_.veth_prefixes);
        if (ifindex == 0 && has_pods_name) return "there is no interface " + name;
        if (ifindex == 0) continue; // "dummy...": the VPC CNI's note to itself
        if (monitor_->network().name_of(ifindex) != name) return "the agent hasn't seen interface " + name + " yet";
        if (!monitor_->network().is_veth(ifindex)) continue; // the bandwidth plugin's, say
        if (auto why = gate_of_veth(name, ifindex, question.pod); !why.empty()) return why;
        found |= has_pods_name;
    }
    if (!found)
        return "none of its interfaces has a name that starts as --veth-prefix says: is this another CNI's pod?";
    if (auto why = gate_of_addresses(question); !why.empty()) return why;
    return question.published ? gate_of_slices(question) : "";
}

std::string Agent::gate_of_object(const GateQuestion& question) const {
    const auto pod = cluster_.pods().find(question.pod);
    if (!names_->pods().contains(question.pod) || pod == cluster_.pods().end())
        return "this node's agent hasn't heard of the pod yet (" + options_.source + ")";
    const bool is_former =
        pod->second.finished || (!question.uid.empty() && !pod->second.uid.empty() && pod->second.uid != question.uid);
    if (is_former) return "the agent knows only of a former pod of that name";
    if (!cluster_.namespaces().contains(pod->second.ns)) return "the agent hasn't heard of its namespace yet";
    return "";
}

std::string Agent::gate_of_veth(const std::string& name, uint32_t ifindex, const state::PodKey& pod) const {
    const auto veth = std::ranges::find(veths_, ifindex, &netlink::Veth::ifindex);
    if (veth == veths_.end()) return "the agent doesn't know yet whose interface " + name + " is";
    if (!guards_->judges(ifindex, veth->incarnation)) {
        const auto error = guards_->error_of(ifindex);
        return "veth " + name + " isn't guarded" + (error.empty() ? " yet" : ": " + error);
    }
    const auto local = std::ranges::find_if(
        cluster_.local_pods(), [&](const auto& one) { return std::ranges::count(one.second.ifindexes, ifindex) != 0; });
    if (local == cluster_.local_pods().end()) return "veth " + name + " is shut: all pod slots are taken";
    if (local->second.pod.empty()) return "veth " + name + " is held: which pod's it is isn't known yet";
    if (local->second.pod != pod) return "veth " + name + " is that of pod " + local->second.pod;
    return has_rows(local->second, ifindex) ? "" : "what veth " + name + " may do isn't in the kernel yet";
}

/// As they should be, in the kernel itself.
bool Agent::has_rows(const state::LocalPod& local, uint32_t ifindex) const {
    const auto& desired = compiler_->desired().pods;
    const auto wanted = desired.find(local.slot);
    const auto interface = kernel_->maps().interfaces.find(ifindex);
    const auto row = kernel_->maps().pods.find(local.slot);
    if (wanted == desired.end() || !interface || !row) return false;
    return interface->slot == local.slot && row->generation == local.generation &&
           row->identity == wanted->second.identity && row->identity != BH_IDENTITY_HELD;
}

/// A packet from another address than its pod's is dropped as forged.
std::string Agent::gate_of_addresses(const GateQuestion& question) const {
    for (const auto& address : question.addresses) {
        const bool is_its = std::ranges::any_of(cluster_.local_pods(), [&](const auto& local) {
            return local.second.pod == question.pod && contains(local.second.addresses, address);
        });
        if (!is_its) return "the agent has seen no route that leads to the pod for its address " + address.text();
    }
    return "";
}

std::string Agent::gate_of_slices(const GateQuestion& question) const {
    if (!publisher_) return "its addresses are published to nobody: the agent's source is " + options_.source;
    if (publisher_->has_published(question.pod, question.addresses)) return "";
    const auto error = publisher_->error();
    return "its addresses aren't published to the other nodes yet" + (error.empty() ? "" : ": " + error);
}

} // namespace bulkhead
