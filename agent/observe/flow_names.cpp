// SPDX-License-Identifier: Apache-2.0
#include "observe/flow_names.h"

#include <algorithm>

#include "compile/rules.h"

namespace bulkhead::observe {

namespace {

using flow::Kind;

constexpr std::string_view kNode = "node ", kResource = "AWSResource ", kService = "service ";

std::string without(std::string_view prefix, const std::string& text) {
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

void split(const std::string& key, flow::End& end) {
    const auto slash = key.find('/');
    if (slash != std::string::npos) end.ns = key.substr(0, slash);
    end.name = slash == std::string::npos ? key : key.substr(slash + 1);
}

/// Tenant and level, and what an identity is by itself, without any address.
flow::End end_of(compile::IdentityId identity, const compile::Desired& desired) {
    flow::End end;
    const auto row = desired.identities.find(identity);
    const auto name = desired.names.find(identity);
    const uint32_t flags = row == desired.identities.end() ? 0 : row->second.flags;
    const std::string what = name == desired.names.end() ? "" : name->second.what;
    if (name != desired.names.end()) end.tenant = name->second.tenant;
    end.is_protected = (flags & BH_PROTECTED) != 0;
    if ((flags & BH_OUTSIDE) != 0) {
        end.kind = Kind::kWorld;
    } else if (what == compile::kClusterDns) {
        end.kind = Kind::kClusterDns;
    } else if (what == compile::kKubeApiserver) {
        end.kind = Kind::kApiServer;
    } else if ((flags & BH_RESOURCE) != 0) {
        end.kind = Kind::kResource;
        end.name = without(kResource, what);
    } else if ((flags & BH_NODE) != 0) {
        end.kind = Kind::kHost;
    } else if ((flags & BH_SERVICE) != 0) {
        end.kind = Kind::kService;
    }
    return end;
}

void name_pod(const state::PodKey& key, const Surroundings& here, flow::End& end) {
    end.kind = Kind::kPod;
    split(key, end);
    const auto pod = here.cluster.pods().find(key);
    if (pod == here.cluster.pods().end()) return;
    const auto& common = *pod->second.common;
    end.labels = common.labels;
    end.workload = {common.workload.kind, common.workload.name};
}

/// The node, or a pod on its network.
void name_host(const compile::EndpointRow& row, const Surroundings& here, flow::End& end) {
    end.kind = Kind::kHost;
    const std::string owner = row.owner;
    if ((row.row.flags & BH_ENDPOINT_THIS_NODE) != 0) {
        end.name = here.node_name;
    } else if (const auto pod = here.cluster.pods().find(owner); pod != here.cluster.pods().end()) {
        end.name = std::string(pod->second.node);
    } else {
        end.name = without(kNode, owner);
    }
}

/// Whom an address belongs to. (Two pods may both say that it is theirs: then nobody knows.)
flow::End end_of(const compile::EndpointRow& row, const Surroundings& here) {
    auto end = end_of(row.row.identity, here.desired);
    const std::string owner = row.owner;
    if ((row.row.flags & BH_ENDPOINT_THIS_NODE) != 0 || end.kind == Kind::kHost)
        name_host(row, here, end);
    else if (here.cluster.pods().contains(owner))
        name_pod(owner, here, end);
    else if (owner.starts_with(kService))
        split(without(kService, owner), end);
    return end;
}

bool sends(const bh_event& event) {
    return event.direction == BH_EGRESS;
}

Address own_address(const bh_event& event) {
    return Address::from(sends(event) ? event.src : event.dst, event.family);
}

/// What falls for being spoofed has somebody else's, or nobody's.
bool is_own_address_told(const bh_event& event) {
    return event.family != 0 && event.reason != BH_REASON_SPOOFED;
}

template <typename T>
bool contains(const std::vector<T>& values, const T& value) {
    return std::ranges::find(values, value) != values.end();
}

/// Is the pod that has the slot now the one that the event tells of? It has the device, whatever the addresses say:
/// they may be forged, masked, or a predecessor's. Through IPv6's slow path no device is known, but a checked address.
/// Without a device somebody asks about the slot as it is now.
bool is_told_of(const bh_event& event, const state::LocalPod& pod) {
    if (event.ifindex == 0 || contains(pod.ifindexes, event.ifindex)) return true;
    return sends(event) && is_own_address_told(event) && contains(pod.addresses, own_address(event));
}

/// Whether an address that no veth has any more belongs to a pod that the API server still knows here.
bool is_leaving(const Address& address, const Surroundings& here) {
    const auto row = here.desired.endpoints.find(address);
    if (row == here.desired.endpoints.end() || row->second.row.slot != 0) return false;
    const auto pod = here.cluster.pods().find(std::string(row->second.owner));
    return pod != here.cluster.pods().end() && pod->second.node == here.node_name;
}

EndName shared(flow::End end) {
    return std::make_shared<const flow::End>(std::move(end));
}

} // namespace

SeenFlow FlowNames::named(const bh_event& event, const Surroundings& here) {
    SeenFlow seen{.event = event, .source = {}, .destination = {}, .origin = origin(event.origin, here)};
    seen.source = event.slot != 0 && sends(event) ? at_this_node(event, here)
                                                  : at(event.src, event.family, event.src_identity, here);
    seen.destination = event.slot != 0 && !sends(event) ? at_this_node(event, here)
                                                        : at(event.dst, event.family, event.dst_identity, here);
    return seen;
}

void FlowNames::forget() {
    by_slot_.clear();
    by_address_.clear();
    by_identity_.clear();
    origins_.clear();
}

EndName FlowNames::at_this_node(const bh_event& event, const Surroundings& here) {
    const auto identity = sends(event) ? event.src_identity : event.dst_identity;
    const auto local = here.cluster.local_pods().find(event.slot);
    if (local != here.cluster.local_pods().end() && is_told_of(event, local->second))
        return in_slot(event.slot, identity, here);
    if (!is_own_address_told(event) || !is_leaving(own_address(event), here)) return behind(identity, here);
    return at(sends(event) ? event.src : event.dst, event.family, identity, here);
}

EndName FlowNames::in_slot(uint16_t slot, compile::IdentityId identity, const Surroundings& here) {
    auto& name = by_slot_[uint64_t{slot} << 32 | identity];
    if (name) return name;
    auto end = end_of(identity, here.desired);
    const auto local = here.cluster.local_pods().find(slot);
    if (local != here.cluster.local_pods().end() && !local->second.pod.empty()) name_pod(local->second.pod, here, end);
    if (identity == BH_IDENTITY_HELD) end.kind = Kind::kUnknown;
    return name = shared(std::move(end));
}

EndName FlowNames::at(const bh_addr& raw, uint8_t family, compile::IdentityId identity, const Surroundings& here) {
    if (family == 0) return behind(identity, here);
    const auto address = Address::from(raw, family);
    if (const auto known = by_address_.find(address); known != by_address_.end() && known->second.identity == identity)
        return known->second.name;
    const auto row = here.desired.endpoints.find(address);
    // What is refused where it is sent was never asked for whom it is: identity 0.
    const bool is_its = row != here.desired.endpoints.end() && (identity == 0 || row->second.row.identity == identity);
    if (!is_its) return behind(identity, here);
    auto name = shared(end_of(row->second, here));
    by_address_[address] = {identity, name};
    return name;
}

EndName FlowNames::behind(compile::IdentityId identity, const Surroundings& here) {
    auto& name = by_identity_[identity];
    if (!name) name = shared(end_of(identity, here.desired));
    return name;
}

std::shared_ptr<const std::string> FlowNames::origin(uint32_t id, const Surroundings& here) {
    if (id == 0) return nullptr;
    auto& text = origins_[id];
    if (text) return text;
    const auto found = here.desired.origins.find(id);
    if (found != here.desired.origins.end()) text = std::make_shared<const std::string>(found->second);
    return text;
}

} // namespace bulkhead::observe
