// SPDX-License-Identifier: Apache-2.0
#include "observe/matrix.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "base/reasons.h"
#include "bulkhead/verdict.h"
#include "compile/gather.h"

namespace bulkhead::observe {

namespace {

using Json = nlohmann::ordered_json;
using compile::Desired;
using compile::IdentityId;
using compile::OpeningRow;

constexpr const char* kWorld = "world";

/// Of one source and one destination.
struct Cell {
    std::set<bh_verdict> said; // without openings, to each two classes of pods
    std::set<std::string> ports;
    std::array<uint64_t, 3> seen{}; // by verdict
};

using Cells = std::map<std::pair<std::string, std::string>, Cell>;
using Classes = std::map<std::string, std::vector<IdentityId>>; // of a tenant's pods

Classes classes_of(const Desired& desired) {
    Classes classes;
    for (const auto& [id, identity] : desired.identities) {
        const auto name = desired.names.find(id);
        if ((identity.flags & BH_POD) == 0 || name == desired.names.end() || name->second.tenant.empty()) continue;
        classes[name->second.tenant].push_back(id);
    }
    return classes;
}

std::string port_text(const OpeningRow& row) {
    if (row.protocol == BH_ANY_PROTOCOL) return "all";
    const auto protocol = std::string(label_of_protocol(row.protocol));
    if (row.first_port == 0 && row.last_port == 65535) return protocol;
    auto text = std::to_string(row.first_port);
    if (row.last_port != row.first_port) text += "-" + std::to_string(row.last_port);
    return text + "/" + protocol;
}

/// What would be without the opening, and what an opening changes.
class Judging {
public:
    Judging(const Desired& desired, state::Time now) : desired_(desired), now_(now) {}

    void judge(IdentityId src, IdentityId dst, Cell& cell) const {
        bh_question question{};
        question.src = compile::identity_row(desired_, src, now_);
        question.dst = compile::identity_row(desired_, dst, now_);
        question.src_is_local = 1;
        const auto verdict = bh_verdict_of(bh_judge(&question));
        cell.said.insert(verdict);
        if (verdict == BH_VERDICT_ALLOW) return;
        for (const auto key : {compile::OpeningKey{dst, BH_IDENTITY_ANY}, compile::OpeningKey{BH_IDENTITY_ANY, src},
                               compile::OpeningKey{dst, src}})
            add_ports(key, question, cell);
    }

private:
    void add_ports(const compile::OpeningKey& key, bh_question question, Cell& cell) const {
        const auto found = desired_.openings.find(key);
        if (found == desired_.openings.end()) return;
        for (const auto& row : found->second) {
            if (row.until && now_ >= *row.until) continue;
            question.openings = 1u << row.line;
            if (bh_verdict_of(bh_judge(&question)) == BH_VERDICT_ALLOW) cell.ports.insert(port_text(row));
        }
    }

    const Desired& desired_;
    state::Time now_;
};

void add_rule(const Desired& desired, state::Time now, Cells& cells) {
    const Judging judging(desired, now);
    const auto classes = classes_of(desired);
    auto sources = classes;
    if (desired.identities.contains(BH_IDENTITY_WORLD)) sources[kWorld] = {BH_IDENTITY_WORLD};
    for (const auto& [source, source_classes] : sources)
        for (const auto& [destination, destination_classes] : classes) {
            Cell cell;
            for (const auto src : source_classes)
                for (const auto dst : destination_classes)
                    judging.judge(src, dst, cell);
            if (cell.said != std::set{BH_VERDICT_ALLOW}) cells[{source, destination}] = std::move(cell);
        }
}

void add_seen(const flow::Edges::Rows& edges, Cells& cells) {
    for (const auto& [edge, seen] : edges) {
        const bool from_world = edge.source.kind == flow::Kind::kWorld;
        const std::string source = from_world ? kWorld : seen.source_tenant;
        if (edge.destination.kind != flow::Kind::kPod || seen.destination_tenant.empty() || source.empty()) continue;
        cells[{source, seen.destination_tenant}].seen.at(edge.verdict) += seen.count;
    }
}

const char* says(const Cell& cell) {
    if (cell.said.size() > 1 || !cell.ports.empty()) return "partly";
    if (cell.said.contains(BH_VERDICT_DENY)) return "refuses";
    return cell.said.contains(BH_VERDICT_AUDIT) ? "audits" : "allows";
}

Json to_json(const std::pair<std::string, std::string>& parties, const Cell& cell) {
    Json json{{"source", parties.first}, {"destination", parties.second}, {"says", says(cell)}};
    if (!cell.ports.empty()) json["ports"] = cell.ports;
    if (std::ranges::any_of(cell.seen, [](uint64_t count) { return count != 0; }))
        json["seen"] = {{"allowed", cell.seen[BH_VERDICT_ALLOW]},
                        {"audit", cell.seen[BH_VERDICT_AUDIT]},
                        {"denied", cell.seen[BH_VERDICT_DENY]}};
    return json;
}

} // namespace

Json matrix_view(const Desired& desired, const flow::Edges::Rows& edges, state::Time now) {
    Cells cells;
    add_rule(desired, now, cells);
    add_seen(edges, cells);
    Json json{{"tenants", Json::array()}, {"cells", Json::array()}};
    for (const auto& [tenant, classes] : classes_of(desired))
        json["tenants"].push_back(tenant);
    for (const auto& [parties, cell] : cells)
        json["cells"].push_back(to_json(parties, cell));
    return json;
}

} // namespace bulkhead::observe
