// SPDX-License-Identifier: Apache-2.0
#include "advise/stand_ins.h"

#include <map>

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
    if (labels.empty()) common.known_labels.emplace();
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

} // namespace

std::vector<state::Object> stand_ins(const std::vector<Refusal>& edges) {
    std::map<Party, state::Labels> parties;
    for (const auto& edge : edges) {
        for (const auto& [party, labels] : {std::pair(&edge.edge.source, &edge.source_labels),
                                            std::pair(&edge.edge.destination, &edge.destination_labels)}) {
            auto& known = parties[*party];
            if (known.empty()) known = *labels;
        }
    }
    std::vector<state::Object> objects;
    uint32_t number = 0;
    for (const auto& [party, labels] : parties) {
        ++number;
        if (party.kind == Kind::kPod) objects.push_back(pod_of(party, labels, number));
        if (party.kind == Kind::kHost && !party.name.empty()) objects.push_back(node_of(party, number));
    }
    return objects;
}

} // namespace bulkhead::advise
