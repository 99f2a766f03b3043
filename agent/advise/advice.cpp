// SPDX-License-Identifier: Apache-2.0
#include "advise/advice.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "advise/broad.h"
#include "flow/names.h"

namespace bulkhead::advise {

namespace {

using flow::Kind;
using flow::Party;

constexpr size_t kLongestName = 63; // RFC 1123 label

/// Labels that tell the pods of one workload apart, or one version of it from the next.
constexpr std::array<std::string_view, 8> kVolatile{"pod-template-hash",
                                                    "controller-revision-hash",
                                                    "pod-template-generation",
                                                    "statefulset.kubernetes.io/pod-name",
                                                    "apps.kubernetes.io/pod-index",
                                                    "controller-uid",
                                                    "batch.kubernetes.io/controller-uid",
                                                    "batch.kubernetes.io/job-name"};

/// The labels that name a workload, best first (kubernetes.io, "Recommended Labels"; then what people wrote before).
constexpr std::array<std::string_view, 4> kNaming{"app.kubernetes.io/name", "app", "k8s-app", "name"};

/// A word that is part of an object's name.
std::string name_part(const std::string& text) {
    std::string part;
    for (const char c : text) {
        const auto letter = static_cast<unsigned char>(c);
        if (std::isalnum(letter) != 0)
            part += static_cast<char>(std::tolower(letter));
        else if (!part.empty() && part.back() != '-')
            part += '-';
    }
    return part;
}

std::string short_name(const Party& party) {
    if (party.kind != Kind::kPod) return party.name.empty() ? flow::label_of(party.kind) : name_part(party.name);
    const auto slash = party.workload.find('/');
    return slash == std::string::npos ? name_part(party.ns)
                                      : name_part(party.ns + "-" + party.workload.substr(slash + 1));
}

std::string grant_name(const Party& to, const Party& from) {
    const auto slash = to.workload.find('/');
    std::string name = slash == std::string::npos ? "" : name_part(to.workload.substr(slash + 1)) + "-";
    name += "from-" + short_name(from);
    name.resize(std::min(name.size(), kLongestName));
    while (!name.empty() && name.back() == '-')
        name.pop_back();
    return name;
}

/// Protocols that `ports` can name.
bool has_name(uint8_t protocol) {
    return protocol == BH_TCP || protocol == BH_UDP || protocol == BH_SCTP || protocol == BH_ICMP ||
           protocol == BH_ICMPV6;
}

constexpr const char* kNobodyKnows = "nobody knows any more who that was";

bool is_confinement(const flow::Sighting& seen) {
    return seen.reason == BH_REASON_CONFINED || seen.reason == BH_REASON_CONFINED_AUDIT;
}

/// Why no entry can name this peer as narrowly as it was seen; empty = one can. What isn't told one by one would be
/// "everybody", which is nobody's to propose.
std::string obstacle_in(const Party& peer, bool is_source) {
    switch (peer.kind) {
    case Kind::kPod:
        return peer.ns.empty() ? kNobodyKnows : "";
    case Kind::kResource:
        return peer.name.empty() ? kNobodyKnows : "";
    case Kind::kClusterDns:
    case Kind::kApiServer:
        return "";
    case Kind::kService:
        return "a Service's own address is nobody's peer: name the pods, or the AWS resource, behind it";
    case Kind::kWorld:
        if (!peer.name.empty()) return "";
        return is_source
                   ? "from more networks than are kept one by one: a scan, or a port that is meant for everybody, "
                     "which then is to be exposed"
                   : "to more networks than are kept one by one: a scan, or pods that need the whole world, which "
                     "then is to be said in allowTo";
    case Kind::kHost:
        if (!is_source) return "a confined pod reaches no node, whatever its allowTo says";
        return "a node is nobody's peer: pods on its network, or clients whose address a NodePort or another node "
               "replaced. Let the client's own address through (externalTrafficPolicy: Local, IP targets), or "
               "expose the port";
    case Kind::kUnknown:
        break;
    }
    return kNobodyKnows;
}

/// Only who has an owner can be opened.
std::string obstacle_in_owner(const Party& destination) {
    const bool is_pod = destination.kind == Kind::kPod && !destination.ns.empty();
    const bool is_resource = destination.kind == Kind::kResource && !destination.name.empty();
    return is_pod || is_resource ? "" : "nobody knows any more whose that was, so that nobody can open it";
}

/// Why no entry lets this in; empty = one does.
std::string obstacle(const flow::EdgeKey& edge, const flow::Sighting& seen) {
    if (!has_name(edge.protocol)) return "only an entry without ports, for every protocol, would let it pass";
    if (flow::has_ports(edge.protocol) && edge.port == 0)
        return "so many ports that they were not kept one by one: a scan, a protocol that needs a range, or a table of "
               "edges that is full";
    switch (seen.reason) {
    case BH_REASON_NOT_GRANTED:
    case BH_REASON_AUDIT:
        if (auto why = obstacle_in(edge.source, true); !why.empty()) return why;
        return obstacle_in_owner(edge.destination);
    case BH_REASON_CONFINED:
    case BH_REASON_CONFINED_AUDIT:
        return obstacle_in(edge.destination, false);
    case BH_REASON_HELD:
        return "its pod or namespace was not known to the node yet; nothing is to be granted";
    default:
        return "not refused by the rule but for what the packet was: see bulkheadctl reasons";
    }
}

/// The entry for such an edge, without ports.
Entry entry_for(const Refusal& refusal) {
    const auto& [edge, seen, source_labels, destination_labels, doors] = refusal;
    Entry entry{.where = Entry::Where::kAccessGrant,
                .ns = edge.destination.ns,
                .object = {},
                .pods = selecting(destination_labels),
                .peer = edge.source,
                .peer_pods = selecting(source_labels),
                .ports = {}};
    if (is_confinement(seen)) {
        entry.where = Entry::Where::kTenantTo;
        entry.ns.clear();
        entry.object = seen.source_tenant;
        entry.pods.clear();
        entry.peer = edge.destination;
        entry.peer_pods = selecting(destination_labels);
    } else if (edge.destination.kind == Kind::kResource) {
        entry.where = Entry::Where::kResourceFrom;
        entry.object = edge.destination.name;
        entry.pods.clear();
    } else if (!doors.access_grants) {
        entry.where = Entry::Where::kTenantFrom;
        entry.object = seen.destination_tenant;
    } else {
        entry.object = grant_name(edge.destination, edge.source);
    }
    return entry;
}

/// Two grants of a namespace with one name would be one.
void tell_apart(std::vector<Entry>& entries) {
    std::set<std::pair<std::string, std::string>> taken;
    for (auto& entry : entries) {
        if (entry.where != Entry::Where::kAccessGrant) continue;
        const std::string base = entry.object;
        for (int number = 2; !taken.emplace(entry.ns, entry.object).second; ++number) {
            const auto suffix = "-" + std::to_string(number);
            entry.object = base.substr(0, kLongestName - suffix.size()) + suffix;
        }
    }
}

} // namespace

std::string note_on(const Entry& entry) {
    using Where = Entry::Where;
    std::string note;
    const auto add = [&](const std::string& words) { note += (note.empty() ? "" : "; ") + words; };
    const bool opens_pods = entry.where == Where::kAccessGrant || entry.where == Where::kTenantFrom ||
                            entry.where == Where::kTenantExpose || entry.where == Where::kExpose;
    if (opens_pods && entry.pods.empty()) add("opens every pod of " + entry.ns);
    if (entry.where == Where::kTenantExpose) add("everybody may reach this then");
    if (entry.where == Where::kTenantExpose && !entry.instead_of.empty())
        add("in place of an entry for each of " + std::to_string(entry.instead_of.size()) + " tenants");
    if (entry.where == Where::kTenantExpose || entry.where == Where::kExpose) return note;
    const auto& peer_pods = entry.where == Where::kTrusted ? entry.pods : entry.peer_pods;
    if (entry.peer.kind == Kind::kPod && peer_pods.empty())
        add("means every pod of " + entry.peer.ns + ": no label is known here that tells this one apart");
    if (const auto network = Cidr::parse(entry.peer.name);
        entry.peer.kind == Kind::kWorld && network && !network->is_single())
        add("means all of " + entry.peer.name + ": which of its addresses it was isn't kept");
    if (entry.where == Where::kTenantTo) add("all of the tenant's pods may go there then");
    return note;
}

void add_port(Entry& entry, const Refusal& refusal) {
    const auto same = std::ranges::find_if(entry.ports, [&](const OpenedPort& port) {
        return port.protocol == refusal.edge.protocol && port.port == refusal.edge.port;
    });
    if (same == entry.ports.end()) {
        entry.ports.push_back({.protocol = refusal.edge.protocol,
                               .port = refusal.edge.port,
                               .count = refusal.seen.count,
                               .first = refusal.seen.first,
                               .last = refusal.seen.last});
        return;
    }
    same->count += refusal.seen.count;
    same->first = std::min(same->first, refusal.seen.first);
    same->last = std::max(same->last, refusal.seen.last);
}

state::Labels selecting(const state::Labels& labels) {
    for (const auto key : kNaming)
        if (const auto found = labels.find(std::string(key)); found != labels.end()) {
            state::Labels chosen{*found};
            for (const char* more : {"app.kubernetes.io/instance", "app.kubernetes.io/component"})
                if (const auto label = labels.find(more); label != labels.end()) chosen.insert(*label);
            return chosen;
        }
    state::Labels rest = labels;
    for (const auto key : kVolatile)
        rest.erase(std::string(key));
    return rest;
}

void keep_common(state::Labels& labels, const state::Labels& others) {
    std::erase_if(labels, [&](const auto& label) {
        const auto other = others.find(label.first);
        return other == others.end() || other->second != label.second;
    });
}

Advice advise(const std::vector<Refusal>& refusals) {
    using Where = std::tuple<Entry::Where, std::string, std::string, Party, Party, state::Labels, state::Labels>;
    Advice advice;
    std::vector<Refusal> left;
    for (const auto& refusal : refusals)
        if (const auto why = obstacle(refusal.edge, refusal.seen); !why.empty())
            advice.remarks.push_back({.edge = refusal.edge, .seen = refusal.seen, .text = why});
        else
            left.push_back(refusal);
    advice.entries = take_broad(left);
    std::map<Where, Entry> entries;
    for (const auto& refusal : left) {
        auto entry = entry_for(refusal);
        const auto& to = entry.where == Entry::Where::kTenantTo ? refusal.edge.source : refusal.edge.destination;
        const Where where{entry.where, entry.ns, entry.object, to, entry.peer, entry.pods, entry.peer_pods};
        add_port(entries.try_emplace(where, std::move(entry)).first->second, refusal);
    }
    for (auto& [where, entry] : entries)
        advice.entries.push_back(std::move(entry));
    tell_apart(advice.entries);
    return advice;
}

} // namespace bulkhead::advise
