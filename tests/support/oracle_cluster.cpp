// SPDX-License-Identifier: Apache-2.0
//
// The half of ClusterView that reads names, addresses and peers.
#include "support/oracle_cluster.h"

#include <algorithm>

#include "support/oracle_match.h"

namespace bulkhead::test {

using namespace state;

namespace {

Address address(std::string_view text) {
    return Address::parse(text).value();
}

bool has(const std::vector<Address>& addresses, const Address& address) {
    return std::ranges::count(addresses, address) > 0;
}

/// hostNetwork pods are their node; what a finished pod had belongs to nobody.
bool has_own_addresses(const Pod& pod) {
    return !pod.finished && !pod.common->host_network;
}

std::vector<Cidr> cidrs_of(const AwsResource& resource) {
    std::vector<Cidr> cidrs = resource.cidrs;
    if (resource.instance_metadata) {
        cidrs.push_back({address("169.254.169.254"), 32});
        cidrs.push_back({address("fd00:ec2::254"), 128});
    }
    return cidrs;
}

} // namespace

std::optional<int> coverage(const AwsResource& resource, const Address& address) {
    std::optional<int> longest;
    for (const Cidr& cidr : cidrs_of(resource)) {
        if (cidr.contains(address)) longest = std::max<int>(longest.value_or(-1), cidr.length);
    }
    return longest;
}

/// The most specific; between equals the stricter, then the first name.
const AwsResource* ClusterView::owner_of(const Address& address) const {
    const auto rank = [&](const AwsResource& one) {
        return std::tuple(coverage(one, address).value_or(-1), one.level, is_audited(one) ? 0 : 1);
    };
    const AwsResource* owner = nullptr;
    for (const AwsResource* one : all<AwsResource>()) {
        if (!coverage(*one, address)) continue;
        const bool better =
            !owner || rank(*one) > rank(*owner) || (rank(*one) == rank(*owner) && one->meta.name < owner->meta.name);
        if (better) owner = one;
    }
    return owner;
}

/// EKS Pod Identity's agent: an address that every node itself has.
static bool is_pod_identity(const Address& one) {
    return one == address("169.254.170.23") || one == address("fd00:ec2::23");
}

Party ClusterView::party_of_node(const std::string& name) const {
    Party party;
    party.kind = Party::Kind::kNode;
    party.node = name;
    for (const Node* node : all<Node>()) {
        if (node->meta.name == name) party.addresses = node->addresses;
    }
    for (const Pod* pod : all<Pod>()) {
        if (!pod->common->host_network || pod->finished || pod->node.str() != name) continue;
        party.addresses.insert(party.addresses.end(), pod->ips.begin(), pod->ips.end());
    }
    return party;
}

Party ClusterView::party_of(const Pod& pod) const {
    if (pod.common->host_network) return party_of_node(pod.node);
    Party party;
    party.pod = &pod;
    party.ns = namespace_named(pod.ns);
    party.kind = party.ns ? Party::Kind::kPod : Party::Kind::kHeld;
    party.node = pod.node;
    party.addresses = pod.ips;
    return party;
}

Party ClusterView::party_at(const Address& address) const {
    for (const Pod* pod : all<Pod>()) { // a pod wins over everything that covers its address
        if (has_own_addresses(*pod) && has(pod->ips, address)) return party_of(*pod);
    }
    for (const Pod* pod : all<Pod>()) {
        if (pod->common->host_network && !pod->finished && has(pod->ips, address)) return party_of(*pod);
    }
    for (const Node* node : all<Node>()) {
        if (has(node->addresses, address)) return party_of_node(node->meta.name);
    }
    if (is_pod_identity(address)) {
        Party every_node = party_of_node("");
        every_node.addresses = {address};
        return every_node;
    }
    Party outside;
    outside.owner = owner_of(address);
    outside.addresses = {address};
    const bool is_api_servers = has_address_of_service(outside, "default", "kubernetes");
    if (is_api_servers && outside.owner && coverage(*outside.owner, address) != address.bits()) outside.owner = nullptr;
    if (!is_cluster_ip(outside)) return outside;
    outside.kind = Party::Kind::kService;
    outside.owner = nullptr;
    return outside;
}

/// Unless somebody says something else about just this address.
bool ClusterView::is_cluster_ip(const Party& party) const {
    const Address& address = party.addresses.front();
    const bool is_resource = party.owner && coverage(*party.owner, address) == address.bits();
    if (is_resource || is_cluster_dns(party) || has_address_of_service(party, "default", "kubernetes")) return false;
    return std::ranges::any_of(all<Service>(),
                               [&](const Service* service) { return has(service->cluster_ips, address); });
}

/// A resource by name is the first of its addresses that it owns.
Result<Party> ClusterView::party_of(const AwsResource& resource, uint8_t family) const {
    for (const Cidr& cidr : cidrs_of(resource)) {
        if (cidr.address.family != family) continue;
        Party party = party_at(cidr.address);
        if (party.owner == &resource) return party;
    }
    return fail("find an address of AWSResource " + resource.meta.name + ": none of that family is its own");
}

Result<Party> ClusterView::party(const std::string& name, uint8_t family) const {
    if (const auto address = Address::parse(name)) return party_at(*address);
    for (const Pod* pod : all<Pod>()) {
        if (pod->ns + "/" + pod->name == name && !pod->finished) return party_of(*pod);
    }
    for (const Node* node : all<Node>()) {
        if (node->meta.name == name) return party_of_node(name);
    }
    for (const AwsResource* resource : all<AwsResource>()) {
        if (resource->meta.name == name) return party_of(*resource, family);
    }
    return fail("find " + name + ": neither a pod, a node, an AWSResource nor an address");
}

bool ClusterView::has_address_of_service(const Party& party, std::string_view ns, std::string_view service) const {
    return std::ranges::any_of(all<EndpointSlice>(), [&](const EndpointSlice* slice) {
        return slice->meta.ns == ns && slice->service == service &&
               std::ranges::any_of(slice->addresses, [&](const Address& one) { return has(party.addresses, one); });
    });
}

bool ClusterView::is_cluster_dns(const Party& party) const {
    return has_address_of_service(party, "kube-system", "kube-dns") ||
           std::ranges::any_of(settings_.dns_addresses, [&](const Address& one) { return has(party.addresses, one); });
}

bool ClusterView::is_infra(const Party& party) const {
    return is_cluster_dns(party) || std::ranges::any_of(party.addresses, is_pod_identity);
}

bool ClusterView::matches_builtin(const std::string& name, const Party& party) const {
    if (name == "cluster-dns") return is_cluster_dns(party);
    if (name == "kube-apiserver") return has_address_of_service(party, "default", "kubernetes");
    return false;
}

/// All peers but AWS resources, which mean different things at the two ends.
bool ClusterView::matches_pods_or_addresses(const Peer& peer, const Party& party) const {
    if (const auto* tenant = std::get_if<TenantPeer>(&peer)) {
        return party.is_pod() && tenant_of(party) == tenant->tenant && selects(tenant->pods, party.pod->common->labels);
    }
    if (const auto* ns = std::get_if<NamespacePeer>(&peer)) {
        return party.is_pod() && party.pod->ns == ns->ns && selects(ns->pods, party.pod->common->labels) &&
               (!ns->service_account || party.pod->common->service_account == *ns->service_account);
    }
    if (const auto* cidr = std::get_if<CidrPeer>(&peer)) {
        return party.is_outside() && cidr->cidr.contains(party.addresses.front());
    }
    return std::holds_alternative<WorldPeer>(peer) && party.is_outside();
}

bool ClusterView::matches_source(const Peer& peer, const Party& source) const {
    const auto* named = std::get_if<ResourcePeer>(&peer);
    if (!named) return matches_pods_or_addresses(peer, source);
    if (matches_builtin(named->name, source)) return true;
    return source.is_outside() && std::ranges::any_of(all<AwsResource>(), [&](const AwsResource* one) {
               return one->meta.name == named->name && coverage(*one, source.addresses.front());
           });
}

bool ClusterView::matches_destination(const Peer& peer, const Party& destination) const {
    const auto* named = std::get_if<ResourcePeer>(&peer);
    if (!named) return matches_pods_or_addresses(peer, destination);
    if (matches_builtin(named->name, destination)) return true;
    return destination.owner && destination.owner->meta.name == named->name;
}

} // namespace bulkhead::test
