// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/needs.h"

#include <sstream>
#include <utility>

#include "base/printable.h"
#include "bulkheadctl/parse_json.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kIndent = "  ";

/// Wrapped, behind the indent.
std::string paragraph(const std::string& text, Width width) {
    Table table;
    table.add({"", text});
    return table.text(width);
}

std::string proposal_text(const Json& proposal, Width width) {
    const auto field = text_at(proposal, "field");
    const auto note = text_at(proposal, "note");
    std::string text = paragraph(text_at(proposal, "object") + (field.empty() ? "" : ", to be added to " + field) +
                                     (note.empty() ? "" : " (" + note + ")") + ":",
                                 width) +
                       "\n";
    std::istringstream lines(text_at(proposal, "yaml"));
    for (std::string line; std::getline(lines, line);)
        text += std::string(kIndent) + kIndent + printable(line) + "\n";
    return text;
}

std::string need_text(const Json& need, Width width) {
    const auto instead = text_at(need, "instead");
    if (need.value("anyOf", Json::array()).empty())
        return instead.empty() ? "" : paragraph("nothing that can be written: " + instead, width);
    std::string text = instead.empty() ? "" : paragraph(instead + ". Or:", width) + "\n";
    bool is_first = true;
    for (const auto& proposal : need["anyOf"])
        text += (std::exchange(is_first, false) ? "" : "\n" + std::string(kIndent) + "or:\n\n") +
                proposal_text(proposal, width);
    return text;
}

} // namespace

std::string needs_text(const Json& needs, Width width) {
    if (!needs.is_array() || needs.empty()) return "";
    const bool is_one = needs.size() == 1;
    std::string text = is_one ? "\nwhat would allow it:\n" : "\nwhat would allow it, all of these together:\n";
    for (const auto& need : needs) {
        const auto line = need.find("line");
        if (!is_one && line != need.end())
            text += "\n" + std::string(kIndent) + "line " + line->dump() + " of the rule:\n";
        text += "\n" + need_text(need, width);
    }
    return text;
}

} // namespace bulkhead::ctl
