// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/seen.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "bulkheadctl/notices.h"
#include "bulkheadctl/parse_json.h"
#include "bulkheadctl/splitter.h"
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

/// Who may write the destination's own say, as the agent tells it: see flow's docs.
advise::Doors doors_of(const ordered_json& edge) {
    advise::Doors doors;
    const auto party = edge.find("destination");
    if (party == edge.end() || !party->is_object()) return doors;
    const auto read = [&](const char* name, bool& door) {
        if (const auto said = party->find(name); said != party->end() && said->is_boolean()) door = said->get<bool>();
    };
    read("accessGrants", doors.access_grants);
    read("podExpose", doors.pod_expose);
    read("sealed", doors.sealed);
    return doors;
}

constexpr size_t kLongestDocument = size_t{512} << 20; // bytes: edges of some 150 nodes that have as many as they may
constexpr int kDeepestFlow = 16;                       // a record's labels are at 3

/// Flows, added up by node as they come.
class Flows {
public:
    void add(const flow::Record& record) {
        auto& node = nodes_.try_emplace(record.node).first->second;
        const auto added = node.edges.add(record);
        if (added.edge == nullptr) return;
        for (const auto& [party, end] : {std::pair{added.edge->first.source, &record.source},
                                         std::pair{added.edge->first.destination, &record.destination}}) {
            if (end->labels.empty()) continue; // nobody knows
            const auto [known, is_first] = node.labels.try_emplace(party, end->labels);
            if (!is_first) advise::keep_common(known->second, end->labels);
        }
    }

    bool empty() const { return nodes_.empty(); }

    std::vector<Seen> take() {
        std::vector<Seen> all;
        for (auto& [name, node] : nodes_) {
            Seen seen{.node = name, .edges = {}};
            for (const auto& [edge, sighting] : node.edges.rows())
                seen.edges.push_back({.edge = edge,
                                      .seen = sighting,
                                      .source_labels = node.labels[edge.source],
                                      .destination_labels = node.labels[edge.destination]});
            all.push_back(std::move(seen));
        }
        return all;
    }

private:
    struct Node {
        flow::Edges edges{{.edges = SIZE_MAX / 16}}; // nobody's share is too small, and nothing is left out
        std::map<flow::Party, state::Labels> labels{};
    };

    std::map<std::string, Node> nodes_;
};

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

/// One input: a document with edges, or lines of flows, which need not be in memory together. The first line tells.
class Input {
public:
    explicit Input(std::string name)
        : name_(std::move(name)), lines_([this](std::string_view line, bool is_whole) { read_line(line, is_whole); }) {}

    Result<> feed(std::string_view bytes) {
        if (are_lines_) return feed_lines(bytes);
        if (text_.size() + bytes.size() > kLongestDocument)
            return fail(name_ + " is longer than " + std::to_string(kLongestDocument >> 20) + " MiB");
        text_ += bytes;
        if (is_document_ || !find_out(false) || !are_lines_) return {};
        return feed_lines(std::exchange(text_, {}));
    }

    Result<Told> finish() {
        if (!are_lines_ && !is_document_) find_out(true);
        if (are_lines_) return finish_lines();
        if (text_.find_first_not_of(kBlanks) == std::string::npos) return nothing();
        const auto json = parse_json(text_);
        if (!json) return within(name_, json.error());
        if (!json->is_object() || !json->contains("edges")) return nothing();
        auto seen = seen_in(*json);
        if (!seen) return within(name_, seen.error());
        told_.nodes = by_node(*json, std::move(*seen));
        if (const auto refused = json->find("refused"); refused != json->end() && refused->is_number_unsigned())
            tell_of_refused(refused->get<uint64_t>());
        return std::move(told_);
    }

private:
    static constexpr const char* kBlanks = " \t\r\n";

    tl::unexpected<Error> nothing() const { return fail(name_ + " has no flow and no list of edges in it"); }

    /// False: the first line isn't there yet.
    bool find_out(bool is_all) {
        const auto begin = text_.find_first_not_of(kBlanks);
        if (begin == std::string::npos) return false;
        const auto end = text_.find('\n', begin);
        if (end == std::string::npos && !is_all) return false;
        const auto first = parse_json(text_.substr(begin, end - begin));
        are_lines_ = first && first->is_object() && !first->contains("edges");
        is_document_ = !are_lines_;
        return true;
    }

    void tell_of_refused(uint64_t flows) {
        if (flows == 0) return;
        told_.lost += flows;
        told_.notices.push_back(name_ + ": " + std::to_string(flows) + " flows found no room among the edges");
    }

    Result<> feed_lines(std::string_view bytes) {
        lines_.feed(bytes);
        if (wrong_) return tl::unexpected(*wrong_);
        return {};
    }

    Result<Told> finish_lines() {
        if (!text_.empty()) lines_.feed(std::exchange(text_, {}));
        lines_.finish();
        if (wrong_) return tl::unexpected(*wrong_);
        if (flows_.empty()) return nothing();
        told_.nodes = flows_.take();
        return std::move(told_);
    }

    void read_line(std::string_view line, bool is_whole) {
        ++number_;
        if (wrong_ || line.find_first_not_of(kBlanks) == std::string_view::npos) return;
        const auto done =
            is_whole ? take(line) : fail("is longer than " + std::to_string(LineSplitter::kLongest >> 20) + " MiB");
        if (!done) wrong_ = Error{name_ + ":" + std::to_string(number_) + ": " + done.error().text};
    }

    Result<> take(std::string_view text) {
        const auto json = parse_json(text, kDeepestFlow);
        if (!json) return tl::unexpected(json.error());
        const auto line = flow::parse_line(*json);
        if (!line) return tl::unexpected(line.error());
        if (const auto* record = std::get_if<flow::Record>(&*line)) flows_.add(*record);
        if (const auto* lost = std::get_if<flow::Lost>(&*line)) told_.lost += lost->count;
        if (const auto* broken = std::get_if<flow::Broken>(&*line)) told_.broken.push_back(name_ + ": " + broken->why);
        if (auto notice = notice_text(*line, name_); !notice.empty()) told_.notices.push_back(std::move(notice));
        return {};
    }

    std::string name_;
    LineSplitter lines_;
    bool are_lines_ = false;
    bool is_document_ = false;
    std::string text_;
    Told told_;
    Flows flows_;
    std::optional<Error> wrong_;
    size_t number_ = 0;
};

Result<Told> read_one(const std::string& path) {
    std::ifstream file;
    if (path != "-") file.open(path);
    if (path != "-" && !file) return fail("open " + path, errno);
    std::istream& stream = path == "-" ? std::cin : file;
    Input input(path == "-" ? "stdin" : path);
    std::vector<char> buffer(64 << 10);
    while (stream) {
        stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        const auto done = input.feed({buffer.data(), static_cast<size_t>(stream.gcount())});
        if (!done) return tl::unexpected(done.error());
    }
    if (stream.bad()) return fail("read " + path, errno);
    return input.finish();
}

} // namespace

Result<Refusal> edge_in(const ordered_json& json) {
    const auto edge = flow::parse_edge(json);
    if (!edge) return tl::unexpected(edge.error());
    return Refusal{.edge = edge->first,
                   .seen = edge->second,
                   .source_labels = labels_of(json, "source"),
                   .destination_labels = labels_of(json, "destination"),
                   .doors = doors_of(json)};
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

std::vector<Seen> seen_of(const std::vector<flow::Record>& records) {
    Flows flows;
    for (const auto& record : records)
        flows.add(record);
    return flows.take();
}

Result<Told> read_seen(const std::vector<std::string>& paths) {
    Told all;
    for (const auto& path : paths) {
        auto told = read_one(path);
        if (!told) return tl::unexpected(told.error());
        std::ranges::move(told->nodes, std::back_inserter(all.nodes));
        std::ranges::move(told->notices, std::back_inserter(all.notices));
        std::ranges::move(told->broken, std::back_inserter(all.broken));
        all.lost += told->lost;
    }
    return all;
}

} // namespace bulkhead::ctl
