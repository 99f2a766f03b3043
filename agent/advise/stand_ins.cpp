// SPDX-License-Identifier: Apache-2.0
#include "advise/stand_ins.h"

#include <algorithm>
#include <map>
#include <set>

namespace bulkhead::advise {

namespace {

using flow::Kind;
using flow::Party;

/// 100::/64 leads nowhere (RFC 6666), so nobody has these.
Address nobodys(uint32_t number) {
    Address address = Address::parse("100::").value();
    for (size_t i = 0; i < sizeof number; ++i)
        address.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
    return address;
}

state::Object pod_of(const Party& party, const state::Labels& labels, uint32_t number) {
    state::PodTemplate common;
    common.labels = labels;
    common.known_labels.emplace();
    for (const auto& [key, value] : labels)
        common.known_labels->insert(key);
    if (const auto slash = party.workload.find('/'); slash != std::string::npos)
        common.workload = {party.workload.substr(0, slash), party.workload.substr(slash + 1)};
    state::Pod pod;
    pod.ns = party.ns;
    pod.name = "stand-in-" + std::to_string(number);
    pod.common = std::make_shared<const state::PodTemplate>(std::move(common));
    pod.ips = {nobodys(number)};
    return pod;
}

state::Object node_of(const Party& party, uint32_t number) {
    state::Node node;
    node.meta.name = party.name;
    node.addresses = {nobodys(number)};
    return node;
}

/// What was seen of one party.
struct Sight {
    state::Labels labels;
    std::set<state::OwnerTags> owners;
};

std::map<Party, Sight> parties_of(const std::vector<Refusal>& edges) {
    std::map<Party, Sight> parties;
    for (const auto& edge : edges) {
        auto& source = parties[edge.edge.source];
        if (source.labels.empty()) source.labels = edge.source_labels;
        source.owners.insert({.tenant = edge.seen.source_tenant, .level = {}});
        auto& destination = parties[edge.edge.destination];
        if (destination.labels.empty()) destination.labels = edge.destination_labels;
        destination.owners.insert({.tenant = edge.seen.destination_tenant,
                                   .level = edge.seen.destination_protected ? "protected" : "non-protected"});
    }
    return parties;
}

/// An owner whose level nobody told is one of those whose level somebody did.
bool is_told_better(const state::OwnerTags& owner, const std::set<state::OwnerTags>& owners) {
    return owner.level.empty() && std::ranges::any_of(owners, [&](const state::OwnerTags& other) {
               return other.tenant == owner.tenant && !other.level.empty();
           });
}

/// As if AWS had been asked: of each owner one address.
state::Object found_for(const std::string& resource, const std::set<state::OwnerTags>& owners, uint32_t& number) {
    state::IdentitySlice slice;
    slice.meta.name = "stand-in-" + resource;
    slice.resource = resource;
    for (const auto& owner : owners) {
        if (is_told_better(owner, owners)) continue;
        const auto cidr = Cidr::of(nobodys(++number));
        slice.addresses.push_back(cidr);
        if (!owner.empty()) slice.owners[cidr] = {owner};
    }
    return slice;
}

} // namespace

std::vector<state::Object> stand_ins(const std::vector<Refusal>& edges, const std::set<std::string>& addressed) {
    std::vector<state::Object> objects;
    uint32_t number = 0;
    for (const auto& [party, sight] : parties_of(edges)) {
        if (party.kind == Kind::kPod) objects.push_back(pod_of(party, sight.labels, ++number));
        if (party.name.empty()) continue;
        if (party.kind == Kind::kHost) objects.push_back(node_of(party, ++number));
        if (party.kind == Kind::kResource && !addressed.contains(party.name))
            objects.push_back(found_for(party.name, sight.owners, number));
    }
    return objects;
}

} // namespace bulkhead::advise
