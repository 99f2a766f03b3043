// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/edges.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/printable.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

namespace {

std::string plain_at(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return "";
    return found->is_string() ? found->get<std::string>() : found->dump();
}

constexpr size_t kRoomForFirst = 120; // columns; in fewer the names would be cut into pieces

/// "blog/Deployment/web", "AWS resource aurora", "world 203.0.113.0/24".
std::string party_text(const Json& party) {
    const auto kind = plain_at(party, "kind");
    if (kind == "pod") {
        const auto workload = plain_at(party, "workload");
        return plain_at(party, "namespace") + "/" + (workload.empty() ? "*" : workload);
    }
    std::string name;
    for (const char* field : {"resource", "network", "name"})
        if (name.empty()) name = plain_at(party, field);
    return name.empty() ? kind : kind + " " + name;
}

std::string port_text(const Json& edge) {
    const auto port = plain_at(edge, "port");
    return port.empty() ? plain_at(edge, "protocol") : port + "/" + plain_at(edge, "protocol");
}

/// Without the fraction, and in two words (RFC 3339 lets a space stand for the T).
std::string date_text(const Json& edge, const char* name) {
    auto date = plain_at(edge, name);
    if (const auto t = date.find('T'); t != std::string::npos) date[t] = ' ';
    const auto dot = date.find('.');
    return dot == std::string::npos ? date : date.substr(0, dot) + "Z";
}

bool is_kind(const Json& edge, const char* side, const char* kind) {
    const auto party = edge.find(side);
    return party != edge.end() && plain_at(*party, "kind") == kind;
}

std::string would_text(const Json& loss) {
    const auto would = plain_at(loss, "would");
    if (const auto why = plain_at(loss, "whyUntold"); !why.empty()) return "nobody can tell: " + why;
    const bool are_pods = is_kind(loss, "source", "pod") && is_kind(loss, "destination", "pod");
    if (would.empty())
        return std::string("nobody can tell: one side has no ") + (are_pods ? "pods" : "pods or addresses") + " now";
    if (would == "held") return "nobody can tell: the destination's namespace isn't known yet";
    return loss.value("someWouldPass", false) ? would + ", to some " + (are_pods ? "pods" : "addresses") : would;
}

} // namespace

std::string edges_text(const Json& answer, Width width) {
    const bool tells_first = !width.narrows_all || width.columns >= kRoomForFirst;
    Table table(tells_first
                    ? std::vector<std::string>{"VERDICT", "COUNT", "PORT", "FIRST", "LAST", "SOURCE", "DESTINATION"}
                    : std::vector<std::string>{"VERDICT", "COUNT", "PORT", "LAST", "SOURCE", "DESTINATION"});
    for (const auto& edge : answer.at("edges")) {
        std::vector<std::string> cells{plain_at(edge, "verdict"), plain_at(edge, "count"), port_text(edge)};
        if (tells_first) cells.push_back(date_text(edge, "first"));
        for (const auto& cell :
             {date_text(edge, "last"), party_text(edge.at("source")), party_text(edge.at("destination"))})
            cells.push_back(cell);
        table.add(cells);
    }
    if (table.empty()) return "Nothing was seen yet.\n";
    std::string text = table.text(width);
    if (const auto refused = answer.value("refused", uint64_t{0}); refused != 0)
        text += paragraph_of(std::to_string(refused) + " flows found no room among " + plain_at(answer, "limit") +
                                 " edges (--edges of bulkhead-agent).",
                             width);
    return text;
}

std::string losses_text(const Json& losses, Width width) {
    Table table({"WOULD BE", "COUNT", "PORT", "LAST", "SOURCE", "DESTINATION"});
    for (const auto& loss : losses)
        table.add({would_text(loss), plain_at(loss, "count"), port_text(loss), date_text(loss, "last"),
                   party_text(loss.at("source")), party_text(loss.at("destination"))});
    return table.text(width);
}

std::string plan_text(const Json& plan, Width width) {
    std::string names;
    for (const auto& name : plan.at("namespaces"))
        names += (names.empty() ? "" : ", ") + printable(name.get<std::string>());
    const auto& losses = plan.at("losses");
    const auto kept = plan.value("kept", uint64_t{0});
    if (losses.empty() && kept == 0)
        return paragraph_of(
            "Nothing that reached " + names + " on this node was seen yet: wait, or ask the nodes of its pods.", width);
    const auto untold = std::ranges::count_if(losses, [](const Json& loss) { return !loss.contains("would"); });
    std::string text = "If " + names + " were protected from now on, of what passed so far " + std::to_string(kept) +
                       " kinds of traffic would go on, and " +
                       std::to_string(losses.size() - static_cast<size_t>(untold)) + " would not" +
                       (untold == 0 ? "" : "; of " + std::to_string(untold) + " nobody can tell") +
                       (losses.empty() ? "." : ":");
    text = paragraph_of(text, width);
    return losses.empty() ? text : text + "\n" + losses_text(losses, width);
}

} // namespace bulkhead::ctl
