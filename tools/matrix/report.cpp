// SPDX-License-Identifier: Apache-2.0
#include "matrix/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

namespace bulkhead::matrix {

namespace {

constexpr size_t kListedDifferences = 20;

std::string padded(std::string text, size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

std::string right(const std::string& text, size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + text;
}

size_t longest(const Scene& scene, std::string Place::*field) {
    size_t width = 0;
    for (const Place& place : scene.places)
        width = std::max(width, (place.*field).size());
    return width;
}

std::string grouped(size_t number) {
    std::string text = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
        text.insert(static_cast<size_t>(at), ",");
    return text;
}

const char* family_name(uint8_t family) {
    return family == BH_IPV4 ? "IPv4" : "IPv6";
}

std::string target_text(const Route& route) {
    if (route.protocol == BH_ICMP) return "ping";
    return std::to_string(route.port) + (route.protocol == BH_TCP ? "/TCP" : "/UDP");
}

const char* escape_of(Symbol symbol) {
    switch (symbol) {
    case Symbol::kAll:
        return "\x1b[32m";
    case Symbol::kSome:
        return "\x1b[33m";
    case Symbol::kWrong:
        return "\x1b[1;31m";
    default:
        return "\x1b[2m";
    }
}

/// One grid, with a gap where another group begins.
class GridText {
public:
    GridText(const Scene& scene, bool color) : scene_(scene), color_(color), width_(longest(scene, &Place::name)) {}

    std::string text(const Summary::Grid& grid) const {
        std::string text = header(10) + header(1);
        for (size_t src = 0; src < grid.size(); ++src) {
            std::string line = right(std::to_string(src + 1), 4) + " " + padded(scene_.places[src].name, width_) + " ";
            for (size_t dst = 0; dst < grid.size(); ++dst)
                line += gap_before(dst) + cell(grid[src][dst]);
            text += line + "\n";
        }
        return text;
    }

private:
    /// The columns' tens or ones.
    std::string header(size_t unit) const {
        std::string line = padded(unit == 1 ? "     from \\ to" : "", width_ + 6);
        for (size_t dst = 0; dst < scene_.places.size(); ++dst) {
            const size_t digit = (dst + 1) / unit;
            line += gap_before(dst) + (unit == 10 && digit == 0 ? " " : std::to_string(digit % 10));
        }
        return line + "\n";
    }

    std::string gap_before(size_t dst) const {
        return dst == 0 || scene_.places[dst].group != scene_.places[dst - 1].group ? " " : "";
    }

    std::string cell(Symbol symbol) const {
        const std::string text(1, static_cast<char>(symbol));
        return color_ ? escape_of(symbol) + text + "\x1b[0m" : text;
    }

    const Scene& scene_;
    bool color_;
    size_t width_;
};

std::string grids_text(const Scene& scene, const Summary& summary, bool color) {
    const GridText grid(scene, color);
    if (summary.families_alike() && summary.grids.size() > 1)
        return "IPv4 and IPv6 alike\n" + grid.text(summary.grids.begin()->second);
    std::string text;
    for (const auto& [family, symbols] : summary.grids)
        text += std::string(family_name(family)) + "\n" + grid.text(symbols);
    return text;
}

std::string lines_text(const Summary& summary) {
    std::string text;
    std::string line = "decided by";
    for (const auto& [name, count] : summary.lines) {
        const std::string part = " " + name + " " + grouped(count) + ",";
        if (line.size() + part.size() > 80) {
            text += line + "\n";
            line = "          ";
        }
        line += part;
    }
    line.back() = '\n';
    return text + line;
}

/// What a line of the list of differences is about: one pair of places, one way of being wrong.
struct Difference {
    const Cell* first = nullptr;
    size_t count = 0;

    bool is_like(const Cell& cell) const {
        const auto kind = [](const Cell& one) {
            return std::tuple(one.route.src, one.route.dst, one.expected.open, one.expected.line, one.observed);
        };
        return kind(*first) == kind(cell);
    }
};

std::vector<Difference> gathered(const std::vector<const Cell*>& cells) {
    std::vector<Difference> gathered;
    for (const Cell* cell : cells) {
        const auto like = [&](const Difference& one) { return one.is_like(*cell); };
        auto found = std::ranges::find_if(gathered, like);
        if (found == gathered.end()) found = gathered.insert(found, {cell, 0});
        ++found->count;
    }
    return gathered;
}

std::string difference_text(const Difference& difference) {
    const Cell& cell = *difference.first;
    const Route& route = cell.route;
    std::string text = "  " + route.src->name + " -> " + route.dst->name + ": expected " +
                       (cell.expected.open ? "an answer" : "silence") + " (" + std::string(cell.expected.line) + "), " +
                       std::string(outcome_name(cell.observed)) + ":\n      " + target_text(route) + " " +
                       family_name(route.family);
    if (difference.count > 1) text += " and " + grouped(difference.count - 1) + " more";
    return text + "\n";
}

std::string differences_text(const Summary& summary) {
    if (summary.differences.empty()) return "Everything is as expected.\n";
    std::string text = grouped(summary.differences.size()) + " are NOT as expected:\n";
    const auto differences = gathered(summary.differences);
    const size_t listed = std::min(differences.size(), kListedDifferences);
    for (size_t i = 0; i < listed; ++i)
        text += difference_text(differences[i]);
    if (listed < differences.size()) text += "  and " + grouped(differences.size() - listed) + " more pairs\n";
    return text;
}

using Json = nlohmann::ordered_json;

Json to_json(const Cell& cell) {
    return {{"src", cell.route.src->name},
            {"dst", cell.route.dst->name},
            {"family", cell.route.family},
            {"target", target_text(cell.route)},
            {"expected", cell.expected.open ? "open" : "silence"},
            {"line", cell.expected.line},
            {"observed", outcome_name(cell.observed)}};
}

Json to_json(const Place& place) {
    Json addresses = Json::array();
    for (const Address& address : place.addresses)
        addresses.push_back(address.text());
    return {{"name", place.name},
            {"group", place.group},
            {"level", place.level},
            {"node", place.node},
            {"addresses", addresses}};
}

} // namespace

std::string places_text(const Scene& scene) {
    const size_t name = longest(scene, &Place::name);
    const size_t group = longest(scene, &Place::group);
    const size_t level = longest(scene, &Place::level);
    std::string text;
    for (size_t i = 0; i < scene.places.size(); ++i) {
        const Place& place = scene.places[i];
        std::string line = right(std::to_string(i + 1), 4) + " " + padded(place.name, name) + "  " +
                           padded(place.group, group) + "  " + padded(place.level, level) + "  " + place.node;
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string summary_text(const Scene& scene, const Summary& summary, bool color) {
    return grids_text(scene, summary, color) + "\n" +
           "# every port and ping answer   + some   . silence   ! not as expected\n" +
           grouped(summary.open + summary.closed) + " probes: " + grouped(summary.open) + " answered, " +
           grouped(summary.closed) + " did not\n" + lines_text(summary) + differences_text(summary);
}

std::string summary_json(const Scene& scene, const Summary& summary, const std::vector<Cell>& cells) {
    Json json{{"probes", cells.size()}, {"open", summary.open}, {"closed", summary.closed}, {"lines", summary.lines}};
    json["places"] = Json::array();
    for (const Place& place : scene.places)
        json["places"].push_back(to_json(place));
    json["differences"] = Json::array();
    for (const Cell* cell : summary.differences)
        json["differences"].push_back(to_json(*cell));
    json["cells"] = Json::array();
    for (const Cell& cell : cells)
        json["cells"].push_back(to_json(cell));
    return json.dump(2) + "\n";
}

} // namespace bulkhead::matrix
