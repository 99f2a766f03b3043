// SPDX-License-Identifier: Apache-2.0
#include "advise/remedy.h"

#include <algorithm>

#include <yaml-cpp/yaml.h>

#include "bulkhead/verdict.h"
#include "flow/names.h"

namespace bulkhead::advise {

namespace {

using flow::Kind;

constexpr int kConfinedLine = 2;
constexpr int kLastLine = 9;

constexpr const char* kSourceHeld =
    "the source's pod or namespace isn't known to this node yet, so that nobody can be let in: `bulkheadctl endpoints` "
    "shows it as held, `bulkheadctl status` whether the API server is heard";
constexpr const char* kDestinationHeld =
    "the destination's pod or namespace isn't known to this node yet: it opens by itself once it is. `bulkheadctl "
    "endpoints` shows it as held; if that lasts, `bulkheadctl status` says whether the API server is heard";
constexpr const char* kNotTheRule = "it isn't the rule that refuses this but what the packet is, and nothing can be "
                                    "granted for that: `bulkheadctl reasons` says what to look for";

/// What the rule says, line by line, whatever the modes.
struct Refusing {
    bool confined = false;
    bool closed = false;
};

Refusing lines_of(const Refused& refused, const compile::Desired& desired) {
    const auto reason = refused.refusal.seen.reason;
    auto question = compile::gather(desired, refused.packet);
    question.src = compile::identity_row(desired, refused.source, refused.packet.now);
    question.dst = compile::identity_row(desired, refused.destination, refused.packet.now);
    Refusing lines{.confined = bh_is_confined_from(&question) != 0,
                   .closed = bh_verdict_of(bh_judge_destination(&question)) != BH_VERDICT_ALLOW};
    lines.confined |= reason == BH_REASON_CONFINED || reason == BH_REASON_CONFINED_AUDIT;
    lines.closed |= reason == BH_REASON_NOT_GRANTED || reason == BH_REASON_AUDIT;
    return lines;
}

bool is_of_the_rule(bh_reason reason) {
    switch (reason) {
    case BH_REASON_NOT_GRANTED:
    case BH_REASON_AUDIT:
    case BH_REASON_CONFINED:
    case BH_REASON_CONFINED_AUDIT:
    case BH_REASON_ASLEEP:
        return true;
    default:
        return false;
    }
}

const state::Tenant* declared(const std::string& tenant, const state::Cluster& cluster) {
    const auto found = cluster.tenants().find(tenant);
    return found == cluster.tenants().end() ? nullptr : &found->second;
}

void add_words(std::string& text, const std::string& words) {
    text += (text.empty() ? "" : "; ") + words;
}

bool is_of_several(const std::string& resource, const state::Cluster& cluster) {
    const auto found = cluster.resources().find(resource);
    return found != cluster.resources().end() && !found->second.tenant_tag.empty();
}

Proposal proposal_of(const Entry& entry) {
    Proposal proposal{.object = {}, .field = {}, .yaml = yaml_of(entry), .note = note_on(entry)};
    switch (entry.where) {
    case Entry::Where::kAccessGrant:
        proposal.object = "AccessGrant " + entry.ns + "/" + entry.object;
        break;
    case Entry::Where::kResourceFrom:
        proposal.object = "AWSResource " + entry.object;
        proposal.field = "spec.allowFrom";
        break;
    case Entry::Where::kTenantTo:
        proposal.object = "Tenant " + entry.object;
        proposal.field = "spec.allowTo";
        break;
    case Entry::Where::kTenantFrom:
        proposal.object = "Tenant " + entry.object;
        proposal.field = "spec.allowFrom";
        break;
    case Entry::Where::kTenantExpose:
        proposal.object = "Tenant " + entry.object;
        proposal.field = "spec.expose";
        break;
    case Entry::Where::kExpose: // for the sake of many who ask: see broad.h
    case Entry::Where::kTrusted:
        break;
    }
    return proposal;
}

std::string annotation_yaml(const std::string& value) {
    YAML::Emitter yaml;
    yaml << YAML::BeginMap << YAML::Key << "bulkhead.dev/expose" << YAML::Value << YAML::DoubleQuoted << value
         << YAML::EndMap;
    return yaml.c_str();
}

/// The pods' own door to everybody: for whom no entry can name.
std::vector<Proposal> exposing(const Refused& refused, const state::Cluster& cluster) {
    const auto& edge = refused.refusal.edge;
    const auto* tenant = declared(refused.refusal.seen.destination_tenant, cluster);
    const auto pod = cluster.pods().find(refused.destination_pod);
    if (edge.destination.kind != Kind::kPod || pod == cluster.pods().end()) return {};
    if (flow::has_ports(edge.protocol) && (tenant == nullptr || tenant->pod_expose)) {
        const auto& before = pod->second.common->expose;
        const auto port = std::to_string(edge.port) + "/" + flow::protocol_text(edge.protocol);
        return {Proposal{.object = "pod template of " + refused.destination_pod,
                         .field = "metadata.annotations",
                         .yaml = annotation_yaml(before + (before.empty() ? "" : ", ") + port),
                         .note = "everybody may reach this then"}};
    }
    if (tenant == nullptr) return {};
    return {proposal_of({.where = Entry::Where::kTenantExpose,
                         .ns = edge.destination.ns,
                         .object = tenant->meta.name,
                         .pods = selecting(refused.refusal.destination_labels),
                         .peer = {},
                         .peer_pods = {},
                         .ports = {OpenedPort{.protocol = edge.protocol, .port = edge.port}}})};
}

/// Whom its Tenant trusts on other ports already, it may trust on this one.
void add_trust(const Refused& refused, const compile::Desired& desired, std::vector<Proposal>& any_of) {
    const auto& edge = refused.refusal.edge;
    const auto flags = desired.identities.at(refused.destination).flags;
    if ((flags & BH_POD) == 0 || (flags & BH_SEALED) != 0 || !flow::has_ports(edge.protocol)) return;
    const auto rows = desired.openings.find({.dst = BH_IDENTITY_ANY, .src = refused.source});
    if (rows == desired.openings.end()) return;
    const auto trust =
        std::ranges::find(rows->second, static_cast<uint8_t>(BH_REASON_TRUSTED), &compile::OpeningRow::line);
    if (trust == rows->second.end()) return;
    const auto origin = desired.origins.find(trust->origin);
    const auto place = origin == desired.origins.end() ? std::string::npos : origin->second.find(" spec.trusted[");
    if (place == std::string::npos) return;
    const auto field = origin->second.substr(place + 1);
    any_of.push_back({.object = origin->second.substr(0, place),
                      .field = field.substr(0, field.find(']') + 1) + ".ports",
                      .yaml = ports_yaml({OpenedPort{.protocol = edge.protocol, .port = edge.port}}),
                      .note = "it is trusted on other ports already; on this one it may reach the pods of every tenant "
                              "that isn't sealed then"});
}

Refusal refusal_by(const Refused& refused, bh_reason reason) {
    auto refusal = refused.refusal;
    refusal.seen.reason = reason;
    refusal.seen.count = 0; // nothing was seen: somebody asks
    return refusal;
}

Need confinement_need(const Refused& refused) {
    Need need{.line = kConfinedLine, .any_of = {}, .instead = {}};
    const auto advice = advise({refusal_by(refused, BH_REASON_CONFINED)});
    for (const auto& entry : advice.entries)
        need.any_of.push_back(proposal_of(entry));
    for (const auto& remark : advice.remarks)
        need.instead = remark.text;
    return need;
}

Need destination_need(const Refused& refused, const compile::Desired& desired, const state::Cluster& cluster) {
    Need need{.line = kLastLine, .any_of = {}, .instead = {}};
    const auto advice = advise({refusal_by(refused, BH_REASON_NOT_GRANTED)});
    const auto* tenant = declared(refused.refusal.seen.destination_tenant, cluster);
    for (auto entry : advice.entries) {
        if (entry.where == Entry::Where::kAccessGrant && tenant != nullptr && !tenant->access_grants) {
            entry.where = Entry::Where::kTenantFrom;
            entry.object = tenant->meta.name;
        }
        need.any_of.push_back(proposal_of(entry));
        if (entry.where == Entry::Where::kResourceFrom && is_of_several(entry.object, cluster))
            add_words(need.any_of.back().note,
                      "opens all of " + entry.object + ", whosever each address is by its tag");
    }
    if (!need.any_of.empty()) {
        add_trust(refused, desired, need.any_of);
        return need;
    }
    for (const auto& remark : advice.remarks)
        need.instead = remark.text;
    if (refused.source == BH_IDENTITY_HELD)
        need.instead = kSourceHeld;
    else
        need.any_of = exposing(refused, cluster);
    return need;
}

} // namespace

std::vector<Need> needs_of(const Refused& refused, const compile::Desired& desired, const state::Cluster& cluster) {
    const auto reason = refused.refusal.seen.reason;
    if (reason == BH_REASON_HELD) return {{.line = 0, .any_of = {}, .instead = kDestinationHeld}};
    // A row that the kernel has and nobody wants any more: the next answer will know.
    if (!desired.identities.contains(refused.source) || !desired.identities.contains(refused.destination)) return {};
    if (!is_of_the_rule(reason)) return {{.line = 0, .any_of = {}, .instead = kNotTheRule}};
    const auto lines = lines_of(refused, desired);
    std::vector<Need> needs;
    if (lines.confined) needs.push_back(confinement_need(refused));
    if (lines.closed) needs.push_back(destination_need(refused, desired, cluster));
    return needs;
}

} // namespace bulkhead::advise
