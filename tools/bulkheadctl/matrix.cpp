// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/matrix.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/printable.h"
#include "bulkheadctl/colour.h"
#include "bulkheadctl/parse_json.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

namespace {

using Json = nlohmann::ordered_json;

enum Column : uint8_t { kSource, kDestination, kSeen, kRule, kColumns };

const std::vector<std::string> kHeaders{"SOURCE", "DESTINATION", "SEEN", "THE RULE"};

std::string ports_of(const Json& cell) {
    std::string ports;
    for (const auto& port : cell.value("ports", Json::array()))
        if (port.is_string()) ports += (ports.empty() ? "" : ", ") + port.get<std::string>();
    return ports;
}

std::string rule_text(const Json& cell) {
    const auto ports = ports_of(cell);
    return text_at(cell, "says") + (ports.empty() ? "" : " (" + ports + ")");
}

std::string csv_field(const std::string& text) {
    const auto shown = printable(text);
    if (shown.find_first_of(",\"\n\r") == std::string::npos) return shown;
    std::string quoted = "\"";
    for (const char c : shown)
        quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + "\"";
}

uint64_t seen(const Json& cell, const char* verdict) {
    return cell.value("seen", Json::object()).value(verdict, uint64_t{0});
}

std::string seen_text(const Json& cell) {
    std::string text;
    for (const char* verdict : {"denied", "audit", "allowed"})
        if (const auto count = seen(cell, verdict); count != 0)
            text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + verdict;
    return text.empty() ? "-" : text;
}

/// Steps of ten times as much.
int magnitude(uint64_t count) {
    return count == 0 ? 0 : 1 + static_cast<int>(std::log10(static_cast<double>(count)));
}

Colour heat_of(const Json& cell, uint64_t most_denied) {
    if (const auto denied = seen(cell, "denied"); denied != 0) {
        const bool is_hot = magnitude(denied) >= std::max(2, magnitude(most_denied));
        return is_hot ? Colour::kHot : Colour::kRed;
    }
    if (seen(cell, "audit") != 0) return Colour::kYellow;
    return seen(cell, "allowed") != 0 ? Colour::kGreen : Colour::kDim;
}

Colour colour_of_rule(const Json& cell) {
    const auto says = text_at(cell, "says");
    if (says == "refuses") return Colour::kRed;
    if (says == "allows") return Colour::kGreen;
    return Colour::kYellow;
}

std::vector<size_t> widths_of(const std::vector<std::vector<std::string>>& rows, Width width) {
    std::vector<size_t> widths(kColumns);
    for (const auto& row : rows)
        for (size_t i = 0; i < kColumns; ++i)
            widths[i] = std::max(widths[i], row[i].size());
    return fitted(std::move(widths), width);
}

} // namespace

std::string matrix_text(const Json& matrix, Width width, bool colour) {
    const auto tenants = std::to_string(matrix.at("tenants").size());
    const auto& cells = matrix.at("cells");
    if (cells.empty()) return "Among " + tenants + " tenants everything is open, and nothing was seen.\n";
    std::vector<std::vector<std::string>> rows{kHeaders};
    uint64_t most_denied = 0;
    for (const auto& cell : cells) {
        rows.push_back({printable(text_at(cell, "source")), printable(text_at(cell, "destination")), seen_text(cell),
                        printable(rule_text(cell))});
        most_denied = std::max(most_denied, seen(cell, "denied"));
    }
    const auto widths = widths_of(rows, width);
    std::string text = row_text(kHeaders, widths);
    for (size_t i = 0; i < cells.size(); ++i)
        text += row_text(rows[i + 1], widths, [&](size_t column, std::string part) {
            if (column == kSeen) return painted(std::move(part), heat_of(cells[i], most_denied), colour);
            if (column == kRule) return painted(std::move(part), colour_of_rule(cells[i]), colour);
            return painted(std::move(part), Colour::kName, colour);
        });
    return text +
           paragraph_of("Among " + tenants + " tenants; pairs that aren't here are open, and nothing was seen.", width);
}

std::string matrix_csv(const Json& matrix) {
    std::string text = "source,destination,says,ports,allowed,audit,denied\r\n";
    for (const auto& cell : matrix.at("cells")) {
        for (const auto& field : {text_at(cell, "source"), text_at(cell, "destination"), text_at(cell, "says")})
            text += csv_field(field) + ",";
        text += csv_field(ports_of(cell));
        for (const char* verdict : {"allowed", "audit", "denied"})
            text += "," + std::to_string(seen(cell, verdict));
        text += "\r\n";
    }
    return text;
}

} // namespace bulkhead::ctl
