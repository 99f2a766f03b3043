// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/nodes_text.h"

#include <algorithm>

#include "base/printable.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

namespace {

using Json = nlohmann::ordered_json;
using Pointer = Json::json_pointer;

std::string number_at(const Json& json, const char* path) {
    const auto value = json.value(Pointer(path), Json());
    return value.is_number() ? value.dump() : "-";
}

std::string enforcement_of(const Json& status) {
    if (!status.value("armed", false)) return "asleep";
    return status.value("overrides", Json::array()).empty() ? "armed" : "overridden";
}

/// What one node says must not hide the others.
std::string safely(const std::function<std::string()>& text) {
    try {
        return text();
    } catch (const Json::exception& error) {
        return std::string("its answer can't be read: ") + printable(error.what()) + "\n";
    }
}

std::string statuses_text(const Json& nodes, Width width) {
    Table table({"NODE", "READY", "SYNC", "RULE", "GUARDED", "HELD", "UNGUARDED", "PROBLEMS", "VERSION"});
    std::string unreadable;
    const auto add = [&](const std::string& node, const Json& status) {
        table.add({node, status.value("ready", false) ? "yes" : "no", status.value("inSync", false) ? "yes" : "no",
                   enforcement_of(status), number_at(status, "/interfaces/guarded"),
                   number_at(status, "/interfaces/held"), number_at(status, "/interfaces/unguarded"),
                   std::to_string(status.value("problems", Json::array()).size()), status.value("version", "-")});
        return std::string();
    };
    for (const auto& [node, status] : nodes.items())
        if (const auto why = safely([&] { return add(node, status); }); !why.empty())
            unreadable += printable(node) + ": " + why;
    return table.text(width) + unreadable;
}

bool judges(const Json& explanation) {
    return explanation.value("verdict", Json()) != "judged elsewhere" && !explanation.value("judge", Json()).is_null();
}

} // namespace

std::string nodes_text(NodesForm form, const Json& answer, const std::function<std::string(const Json&, Width)>& print,
                       Width width) {
    const auto& nodes = answer.at("nodes");
    if (form == NodesForm::kStatus) return statuses_text(nodes, width);
    const bool only_judges = form == NodesForm::kJudges && std::any_of(nodes.begin(), nodes.end(), judges);
    std::string text;
    for (const auto& [node, one] : nodes.items())
        if (!only_judges || judges(one))
            text += (text.empty() ? "" : "\n") + printable(node) + ":\n" + safely([&] { return print(one, width); });
    return text;
}

} // namespace bulkhead::ctl
