// SPDX-License-Identifier: Apache-2.0
#include "observe/party.h"

#include <algorithm>

#include "compile/gather.h"

namespace bulkhead::observe {

namespace {

const state::LocalPod* local_pod(const Surroundings& here, const state::PodKey& key) {
    for (const auto& [slot, pod] : here.cluster.local_pods())
        if (pod.pod == key) return &pod;
    return nullptr;
}

const state::LocalPod* local_pod(const Surroundings& here, const Address& address) {
    for (const auto& [slot, pod] : here.cluster.local_pods())
        if (std::find(pod.addresses.begin(), pod.addresses.end(), address) != pod.addresses.end()) return &pod;
    return nullptr;
}

Result<Party> find_pod(const state::PodKey& key, const Surroundings& here) {
    Party party{.name = key,
                .addresses = {},
                .local = local_pod(here, key),
                .this_node = false,
                .pod_node = {},
                .is_pod = true};
    if (party.local != nullptr) {
        party.addresses = party.local->addresses;
        if (party.addresses.empty()) return fail("pod " + key + " has no address yet");
        return party;
    }
    const auto pod = here.cluster.pods().find(key);
    if (pod == here.cluster.pods().end()) return fail("no pod " + key + " is known to this node");
    party.addresses = pod->second.ips;
    const bool here_too = pod->second.node == here.node_name;
    if (pod->second.common->host_network) { // such a pod is its node
        party.is_pod = false;
        party.this_node = here_too;
    } else if (here_too) {
        return fail("pod " + key + " is bound to this node, but no veth of it is guarded yet");
    } else {
        party.pod_node = pod->second.node;
    }
    if (party.addresses.empty()) return fail("no address of pod " + key + " is known yet");
    return party;
}

Result<Party> find_address(const Address& address, const Surroundings& here) {
    Party party{.name = address.text(),
                .addresses = {address},
                .local = local_pod(here, address),
                .this_node = false,
                .pod_node = {},
                .is_pod = false};
    if (party.local != nullptr) {
        party.is_pod = true;
        if (!party.local->pod.empty()) party.name = party.local->pod;
        return party;
    }
    const auto known = here.desired.endpoints.find(address);
    if (known == here.desired.endpoints.end()) return party;
    party.this_node = (known->second.row.flags & BH_ENDPOINT_THIS_NODE) != 0;
    const std::string owner = known->second.owner;
    if (!owner.empty()) party.name = owner;
    const auto pod = here.cluster.pods().find(owner);
    if (pod == here.cluster.pods().end() || pod->second.common->host_network) return party;
    party.is_pod = true;
    party.pod_node = pod->second.node;
    return party;
}

/// Some address of a block: its first one that a host may have.
Address sample_of(const Cidr& cidr) {
    Address address = cidr.address;
    if (cidr.length + 1 < address.bits()) {
        auto& last = address.bytes[static_cast<size_t>(address.bits()) / 8 - 1];
        last = static_cast<uint8_t>(last | 1);
    }
    return address;
}

Result<Party> find_resource(const state::AwsResource& resource) {
    Party party{.name = resource.meta.name,
                .addresses = {},
                .local = nullptr,
                .this_node = false,
                .pod_node = {},
                .is_pod = false};
    for (const auto& cidr : state::all_cidrs(resource))
        party.addresses.push_back(sample_of(cidr));
    if (party.addresses.empty()) return fail("no address of AWSResource " + resource.meta.name + " is known");
    return party;
}

/// "databases/payments": of those addresses, whose tag says so, the tenant's.
std::optional<Party> find_part(const std::string& text, const Surroundings& here) {
    const auto slash = text.find('/');
    const auto resource = here.cluster.resources().find(text.substr(0, slash));
    if (resource == here.cluster.resources().end() || resource->second.tenant_tag.empty()) return std::nullopt;
    auto party = find_resource(resource->second);
    if (!party) return std::nullopt;
    std::erase_if(party->addresses, [&](const Address& address) {
        const auto name = here.desired.names.find(compile::identity_of(here.desired, address));
        return name == here.desired.names.end() || name->second.tenant != text.substr(slash + 1);
    });
    if (party->addresses.empty()) return std::nullopt;
    return *party;
}

Result<Party> find_in_namespace(const std::string& text, const Surroundings& here) {
    auto pod = find_pod(text, here);
    if (pod) return pod;
    if (auto part = find_part(text, here)) return *part;
    return pod;
}

} // namespace

Result<Party> find_party(const std::string& text, const Surroundings& here) {
    if (text.find('/') != std::string::npos) return find_in_namespace(text, here);
    if (const auto address = Address::parse(text)) return find_address(*address, here);
    const auto resource = here.cluster.resources().find(text);
    if (resource != here.cluster.resources().end()) return find_resource(resource->second);
    const auto node = here.cluster.nodes().find(text);
    if (node == here.cluster.nodes().end())
        return fail("\"" + text +
                    "\" is neither NAMESPACE/POD, an AWSResource, a node nor an address that this node knows");
    return Party{.name = "node " + text,
                 .addresses = node->second.addresses,
                 .local = nullptr,
                 .this_node = text == here.node_name,
                 .pod_node = {},
                 .is_pod = false};
}

compile::IdentityId identity_of(const Party& party, const Address& address, const compile::Desired& desired) {
    if (party.local != nullptr) {
        const auto pod = desired.pods.find(party.local->slot);
        return pod == desired.pods.end() ? static_cast<compile::IdentityId>(BH_IDENTITY_HELD) : pod->second.identity;
    }
    return compile::identity_of(desired, address);
}

Json describe(compile::IdentityId identity, const compile::Desired& desired) {
    const auto row = desired.identities.find(identity);
    const auto name = desired.names.find(identity);
    const uint32_t flags = row == desired.identities.end() ? 0 : row->second.flags;
    Json json{{"identity", identity}, {"tenant", ""}, {"what", identity == BH_IDENTITY_WORLD ? "world" : ""}};
    if (name != desired.names.end()) {
        json["tenant"] = name->second.tenant;
        json["what"] = name->second.what;
    }
    json["level"] = (flags & BH_PROTECTED) != 0 ? "protected" : "non-protected";
    json["mode"] = (flags & BH_AUDIT) != 0 ? "audit" : "enforce";
    json["sealed"] = (flags & BH_SEALED) != 0;
    json["confined"] = (flags & BH_CONFINED) != 0;
    return json;
}

Json sources_of(const Party& party, compile::IdentityId identity, const compile::Desired& desired) {
    Json json = Json::object();
    const auto name = desired.names.find(identity);
    if (name == desired.names.end() || identity == BH_IDENTITY_HELD) return json;
    const auto owner = party.is_pod ? party.name.substr(0, party.name.find('/')) : name->second.what;
    auto sources = desired.sources.find(owner + "/" + name->second.tenant); // where tags say whose addresses are
    if (sources == desired.sources.end()) sources = desired.sources.find(owner);
    if (sources == desired.sources.end()) return json;
    const auto& [tenant, level, mode] = sources->second;
    if (!tenant.empty()) json["tenantFrom"] = tenant;
    json["levelFrom"] = level;
    json["modeFrom"] = mode;
    return json;
}

} // namespace bulkhead::observe
