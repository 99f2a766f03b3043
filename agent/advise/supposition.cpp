// SPDX-License-Identifier: Apache-2.0
#include "advise/supposition.h"

#include <string_view>
#include <utility>

#include "compile/gather.h"

namespace bulkhead::advise {

namespace {

using compile::IdentityId;
using flow::Kind;
using flow::Party;

constexpr std::string_view kResourceOwner = "AWSResource ";
constexpr std::string_view kNodeOwner = "node ";
constexpr const char* kAnywhere = "192.0.2.1"; // RFC 5737: nobody's

/// Denied is stricter than audited, and that than allowed. What only the source's confinement audits is let in by its
/// destination.
bool is_stricter(bh_reason one, bh_reason other) {
    const auto rank = [](bh_reason reason) {
        return std::pair{bh_verdict_of(reason), reason != BH_REASON_CONFINED_AUDIT};
    };
    return rank(one) > rank(other);
}

/// A node, and the pods on its network: as flows name them.
Party host(const std::string& node) {
    return {.kind = Kind::kHost, .ns = {}, .workload = {}, .name = node};
}

/// "AWSResource aurora" -> a resource of that name; "blog/web-1" -> a pod, which is looked for elsewhere.
Party party_named(const std::string& owner) {
    Party party;
    if (owner.starts_with(kResourceOwner)) {
        party.kind = Kind::kResource;
        party.name = owner.substr(kResourceOwner.size());
    } else if (owner.starts_with(kNodeOwner)) {
        party = host(owner.substr(kNodeOwner.size()));
    } else if (owner == "cluster-dns") {
        party.kind = Kind::kClusterDns;
    } else if (owner == "kube-apiserver") {
        party.kind = Kind::kApiServer;
    }
    return party;
}

/// Some address of a network. Rules may name parts of it: see samples_in().
Address first_host(const Cidr& network) {
    Address address = network.address;
    auto& last = address.bytes[static_cast<size_t>(address.bits()) / 8 - 1];
    last = static_cast<uint8_t>(last | (network.is_single() ? 0 : 1));
    return address;
}

Address last_of(const Cidr& network) {
    Address address = network.address;
    for (int bit = network.length; bit < address.bits(); ++bit) {
        auto& byte = address.bytes[static_cast<size_t>(bit) / 8];
        byte = static_cast<uint8_t>(byte | (0x80U >> (bit % 8)));
    }
    return address;
}

/// After the last of all comes the first.
Address next_after(Address address) {
    for (auto i = static_cast<size_t>(address.bits()) / 8; i-- > 0;)
        if (++address.bytes[i] != 0) break;
    return address;
}

} // namespace

Supposition::Supposition(state::Cluster cluster, const compile::Settings& settings, std::vector<state::Object> changes)
    : cluster_(std::move(cluster)), node_name_(settings.node_name), compiler_(settings, {}) {
    for (const auto& [name, resource] : cluster_.resources()) {
        const auto cidrs = state::all_cidrs(resource);
        resources_before_.insert(cidrs.begin(), cidrs.end());
    }
    for (auto& object : changes)
        cluster_.put(std::move(object));
    compiler_.update(cluster_, {.policy = true, .many_pods = true, .local = true, .pods = {}, .cluster_ips = {}});
    if (compiler_.is_halfway()) compiler_.update(cluster_, {});
    find_samples();
}

void Supposition::find_samples() {
    for (const auto& [address, row] : desired().endpoints) {
        const auto pod = cluster_.pods().find(row.owner);
        const bool is_known = pod != cluster_.pods().end();
        if ((row.row.flags & BH_ENDPOINT_THIS_NODE) != 0) {
            add_sample(host(node_name_), address, row.row.identity);
            continue;
        }
        if (!is_known || pod->second.common->host_network) {
            add_sample(is_known ? host(std::string(pod->second.node)) : party_named(row.owner), address,
                       row.row.identity);
            continue;
        }
        Party party{.kind = Kind::kPod, .ns = pod->second.ns, .workload = {}, .name = {}};
        add_sample(party, address, row.row.identity);
        party.workload = flow::text_of({pod->second.common->workload.kind, pod->second.common->workload.name});
        add_sample(std::move(party), address, row.row.identity);
    }
    for (const auto& [cidr, identity] : desired().prefixes)
        if (const auto name = desired().names.find(identity); name != desired().names.end())
            add_sample(party_named(name->second.what), first_host(cidr), identity);
}

void Supposition::add_sample(Party party, const Address& address, IdentityId identity) {
    if (party.kind != Kind::kUnknown) samples_[std::move(party)].try_emplace(identity, address);
}

bool Supposition::is_worlds(const Address& address, IdentityId identity) const {
    const auto name = desired().names.find(identity);
    if (name == desired().names.end()) return true;
    const auto kind = party_named(name->second.what).kind;
    return kind == Kind::kUnknown || (kind == Kind::kResource && !was_resources(address));
}

bool Supposition::was_resources(const Address& address) const {
    for (auto part = Cidr::of(address);; --part.length) {
        if (resources_before_.contains(part)) return true;
        if (part.length == 0) return false;
        const auto bit = static_cast<size_t>(part.length) - 1;
        auto& byte = part.address.bytes[bit / 8];
        byte = static_cast<uint8_t>(byte & ~(0x80U >> (bit % 8)));
    }
}

/// A rule that names a part of the network says something else from its first address on, and no more behind its last.
Supposition::Samples Supposition::samples_in(const Cidr& network) const {
    Samples samples;
    const auto add = [&](const Address& address) {
        const auto identity = compile::identity_of(desired(), address);
        if (network.contains(address) && is_worlds(address, identity)) samples.try_emplace(identity, address);
    };
    const auto first = first_host(network);
    add(first);
    add(network.address);
    const auto last = last_of(network);
    for (auto part = desired().prefixes.lower_bound({.address = network.address, .length = 0});
         part != desired().prefixes.end() && part->first.address <= last; ++part) {
        if (!network.contains(part->first)) continue;
        add(part->first.address);
        add(next_after(last_of(part->first)));
    }
    if (samples.empty()) samples.emplace(compile::identity_of(desired(), first), first);
    return samples;
}

Supposition::Samples Supposition::samples_of(const Party& party) const {
    if (party.kind == Kind::kWorld) {
        if (const auto network = Cidr::parse(party.name)) return samples_in(*network);
        const auto address = Address::parse(kAnywhere).value();
        return {{compile::identity_of(desired(), address), address}};
    }
    const auto found = samples_.find(party);
    return found == samples_.end() ? Samples{} : found->second;
}

Answer Supposition::judge(const flow::EdgeKey& edge, state::Time now) const {
    Answer answer;
    for (const auto& [source_identity, source] : samples_of(edge.source))
        for (const auto& [destination_identity, destination] : samples_of(edge.destination)) {
            const bool is_own_host = edge.source.kind == Kind::kHost && edge.source.name == node_name_;
            const auto reason = compile::judge(desired(), {.src = source,
                                                           .dst = destination,
                                                           .protocol = edge.protocol,
                                                           .port = edge.port,
                                                           .local_host = is_own_host,
                                                           .src_is_local = true,
                                                           .now = now});
            answer.differs |= answer.reason && bh_verdict_of(*answer.reason) != bh_verdict_of(reason);
            if (!answer.reason || is_stricter(reason, *answer.reason)) answer.reason = reason;
        }
    return answer;
}

std::vector<state::Object> protected_namespaces(const state::Cluster& cluster, const std::vector<std::string>& names) {
    std::vector<state::Object> changed;
    for (const auto& name : names) {
        const auto found = cluster.namespaces().find(name);
        if (found == cluster.namespaces().end()) continue;
        auto ns = found->second;
        ns.labels["bulkhead.dev/level"] = "protected";
        changed.emplace_back(std::move(ns));
    }
    return changed;
}

} // namespace bulkhead::advise
