// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/merge.h"

#include <algorithm>
#include <map>

namespace bulkhead::ctl {

namespace {

using Answers = std::vector<std::pair<std::string, Json>>;

/// What makes a side of an edge itself: not its labels, of which nodes know more or less.
Json side_of(const Json& edge, const char* side) {
    Json party = edge.value(side, Json::object());
    for (const char* field : {"labels", "tenant", "level", "accessGrants", "podExpose", "sealed"})
        party.erase(field);
    return party;
}

std::string key_of(const Json& edge) {
    Json key = Json::array({side_of(edge, "source"), side_of(edge, "destination")});
    for (const char* field : {"protocol", "port", "verdict", "would", "node"})
        key.push_back(edge.value(field, Json()));
    return key.dump(-1, ' ', true, Json::error_handler_t::replace);
}

void keep_labels(Json& side, const Json& other) {
    if (!side.contains("labels") && other.contains("labels")) side["labels"] = other["labels"];
}

/// Whether or not it is there.
void take_over(Json& object, const Json& other, const char* field) {
    if (other.contains(field))
        object[field] = other[field];
    else if (object.is_object())
        object.erase(field);
}

/// What holds of the last time is what the node says that saw it last.
void take_newest(Json& edge, const Json& newer) {
    for (const char* field : {"last", "reason"})
        take_over(edge, newer, field);
    for (const char* side : {"source", "destination"})
        for (const char* field : {"tenant", "level", "accessGrants", "podExpose", "sealed"})
            take_over(edge[side], newer.value(side, Json::object()), field);
}

/// Texts of RFC 3339 in UTC with as many digits are in the order of their times.
void add_to(Json& edge, const Json& more) {
    edge["count"] = edge.value("count", uint64_t{0}) + more.value("count", uint64_t{0});
    edge["first"] = std::min(edge.value("first", ""), more.value("first", ""));
    if (edge.value("last", "") < more.value("last", "")) take_newest(edge, more);
    if (more.value("someWouldPass", false)) edge["someWouldPass"] = true;
    for (const char* side : {"source", "destination"})
        keep_labels(edge[side], more.value(side, Json::object()));
}

/// A node's own packets to its pods, a kubelet's probes, pass; those that it sends to another node's don't. So the
/// first name it.
Json with_own_node(Json edge, const std::string& node) {
    const auto source = edge.value("source", Json::object());
    if (source.value("kind", "") == "host" && source.value("name", "") == node) edge["node"] = node;
    return edge;
}

Json merged_edges(const Answers& answers, const char* list) {
    Json edges = Json::array();
    std::map<std::string, size_t> places;
    for (const auto& [name, answer] : answers)
        for (const auto& each : answer.value(list, Json::array())) {
            const auto edge = with_own_node(each, answer.value("node", name));
            const auto [place, is_new] = places.try_emplace(key_of(edge), edges.size());
            if (is_new)
                edges.push_back(edge);
            else
                add_to(edges[place->second], edge);
        }
    return edges;
}

uint64_t sum_of(const Answers& answers, const char* field) {
    uint64_t sum = 0;
    for (const auto& [node, answer] : answers)
        sum += answer.value(field, uint64_t{0});
    return sum;
}

Json merged_plans(const Answers& answers) {
    Json plan = answers.front().second;
    plan["kept"] = sum_of(answers, "kept");
    plan["losses"] = merged_edges(answers, "losses");
    return plan;
}

/// The rule is the same everywhere, as far as nodes know all; what was seen adds up.
Json merged_matrices(const Answers& answers) {
    Json matrix = answers.front().second;
    std::map<std::pair<std::string, std::string>, Json> cells;
    std::map<std::string, Json> tenants;
    for (const auto& [node, answer] : answers) {
        for (const auto& cell : answer.value("cells", Json::array())) {
            const auto [known, is_new] =
                cells.try_emplace({cell.value("source", ""), cell.value("destination", "")}, cell);
            if (is_new || !cell.contains("seen")) continue;
            for (const auto& [verdict, count] : cell["seen"].items())
                known->second["seen"][verdict] =
                    known->second.value("seen", Json::object()).value(verdict, uint64_t{0}) + count.get<uint64_t>();
        }
        for (const auto& tenant : answer.value("tenants", Json::array()))
            tenants.try_emplace(tenant.dump(), tenant);
    }
    matrix["cells"] = Json::array();
    for (auto& [pair, cell] : cells)
        matrix["cells"].push_back(std::move(cell));
    matrix["tenants"] = Json::array();
    for (auto& [text, tenant] : tenants)
        matrix["tenants"].push_back(std::move(tenant));
    return matrix;
}

} // namespace

Json merged(const std::string& path, Answers answers) {
    if (path == "/v1/edges")
        return {{"edges", merged_edges(answers, "edges")},
                {"limit", sum_of(answers, "limit")},
                {"refused", sum_of(answers, "refused")}};
    if (path == "/v1/plan") return merged_plans(answers);
    if (path == "/v1/matrix") return merged_matrices(answers);
    Json nodes = Json::object();
    for (auto& [node, answer] : answers)
        nodes[node] = std::move(answer);
    return {{"nodes", std::move(nodes)}};
}

} // namespace bulkhead::ctl
