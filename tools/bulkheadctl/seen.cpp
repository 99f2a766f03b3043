// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/seen.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>

#include "bulkheadctl/parse_json.h"
#include "flow/edge_json.h"

namespace bulkhead::ctl {

namespace {

using advise::Refusal;
using nlohmann::ordered_json;

/// Labels that aren't as they should be name nobody.
state::Labels labels_of(const ordered_json& edge, const char* side) {
    state::Labels labels;
    const auto party = edge.find(side);
    if (party == edge.end() || !party->is_object() || !party->contains("labels")) return labels;
    if (!party->at("labels").is_object()) return labels;
    for (const auto& [key, value] : party->at("labels").items())
        if (value.is_string()) labels[key] = value.get<std::string>();
    return labels;
}

Result<std::string> text_of(const std::string& path) {
    std::ifstream file;
    if (path != "-") file.open(path);
    if (path != "-" && !file) return fail("open " + path, errno);
    std::istream& input = path == "-" ? std::cin : file;
    std::string text{std::istreambuf_iterator<char>(input), {}};
    if (input.bad()) return fail("read " + path, errno);
    return text;
}

Result<std::vector<flow::Record>> records_in(const std::string& text, const std::string& name) {
    std::vector<flow::Record> records;
    std::istringstream lines(text);
    size_t number = 0;
    for (std::string line_text; std::getline(lines, line_text);) {
        ++number;
        if (line_text.empty()) continue;
        const auto json = parse_json(line_text);
        if (!json) return within(name + ":" + std::to_string(number), json.error());
        const auto line = flow::parse_line(*json);
        if (!line) return within(name + ":" + std::to_string(number), line.error());
        if (const auto* record = std::get_if<flow::Record>(&*line)) records.push_back(*record);
    }
    return records;
}

/// Of the answer of all nodes: what a node itself sent to its own pods apart, by the node that the edge names.
std::vector<Seen> by_node(const ordered_json& edges, Seen all) {
    std::map<std::string, Seen> nodes;
    for (size_t i = 0; i < all.edges.size(); ++i) {
        const auto node = edges.at("edges").at(i).find("node");
        const bool is_named = node != edges.at("edges").at(i).end() && node->is_string();
        const auto name = is_named ? node->get<std::string>() : all.node;
        auto& seen = nodes[name];
        seen.node = name;
        seen.edges.push_back(std::move(all.edges[i]));
    }
    std::vector<Seen> apart;
    for (auto& [name, seen] : nodes)
        apart.push_back(std::move(seen));
    return apart;
}

Result<std::vector<Seen>> read_one(const std::string& path) {
    const auto text = text_of(path);
    if (!text) return tl::unexpected(text.error());
    const auto name = path == "-" ? "stdin" : path;
    const auto json = parse_json(*text); // several lines of flows are no JSON together
    if (json && json->is_object() && json->contains("edges")) {
        auto seen = seen_in(*json);
        if (!seen) return within(name, seen.error());
        return by_node(*json, std::move(*seen));
    }
    const auto records = records_in(*text, name);
    if (!records) return tl::unexpected(records.error());
    if (records->empty()) return fail(name + " has no flow and no list of edges in it");
    return std::vector{seen_of(*records)};
}

} // namespace

Result<Refusal> edge_in(const ordered_json& json) {
    const auto edge = flow::parse_edge(json);
    if (!edge) return tl::unexpected(edge.error());
    return Refusal{.edge = edge->first,
                   .seen = edge->second,
                   .source_labels = labels_of(json, "source"),
                   .destination_labels = labels_of(json, "destination")};
}

Result<Seen> seen_in(const ordered_json& edges) {
    const auto found = edges.find("edges");
    if (found == edges.end() || !found->is_array()) return fail("the answer has no list \"edges\"");
    const auto node = edges.find("node");
    if (node != edges.end() && !node->is_string()) return fail("node: is not a text");
    Seen seen{.node = node == edges.end() ? "" : node->get<std::string>(), .edges = {}};
    for (size_t i = 0; i < found->size(); ++i) {
        auto edge = edge_in(found->at(i));
        if (!edge) return within("edges[" + std::to_string(i) + "]", edge.error());
        seen.edges.push_back(std::move(*edge));
    }
    return seen;
}

Seen seen_of(const std::vector<flow::Record>& records) {
    flow::EdgeLimits limits;
    limits.edges = 8 * (records.size() + 1); // nobody's share is too small, and nothing is left out
    flow::Edges edges(limits);
    std::map<flow::Party, state::Labels> labels;
    for (const auto& record : records) {
        const auto added = edges.add(record);
        if (added.edge == nullptr) continue;
        for (const auto& [party, end] : {std::pair{added.edge->first.source, &record.source},
                                         std::pair{added.edge->first.destination, &record.destination}}) {
            if (end->labels.empty()) continue; // nobody knows
            const auto [known, is_first] = labels.try_emplace(party, end->labels);
            if (!is_first) advise::keep_common(known->second, end->labels);
        }
    }
    Seen seen{.node = records.empty() ? "" : records.front().node, .edges = {}};
    for (const auto& [edge, sighting] : edges.rows())
        seen.edges.push_back({.edge = edge,
                              .seen = sighting,
                              .source_labels = labels[edge.source],
                              .destination_labels = labels[edge.destination]});
    return seen;
}

Result<std::vector<Seen>> read_seen(const std::vector<std::string>& paths) {
    std::vector<Seen> all;
    for (const auto& path : paths) {
        auto seen = read_one(path);
        if (!seen) return tl::unexpected(seen.error());
        std::ranges::move(*seen, std::back_inserter(all));
    }
    return all;
}

} // namespace bulkhead::ctl
