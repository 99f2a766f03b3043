// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/print.h"

#include "bulkheadctl/needs.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

namespace {

using Pointer = Json::json_pointer;

/// The value at "/a/b" as people read it.
std::string at(const Json& json, const char* path) {
    const Pointer pointer(path);
    if (!json.contains(pointer)) return "-";
    const auto& value = json.at(pointer);
    if (value.is_string()) return value.get<std::string>().empty() ? "-" : value.get<std::string>();
    if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
    if (value.is_null()) return "-";
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const auto& one : value)
        text += (text.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
    return text.empty() ? "-" : text;
}

const Json& list(const Json& json, const char* name) {
    static const Json kNone = Json::array();
    return json.contains(name) && json.at(name).is_array() ? json.at(name) : kNone;
}

bool is_true(const Json& json, const char* path) {
    return at(json, path) == "yes";
}

std::string source_line(const Json& status) {
    const auto name = at(status, "/source/name");
    if (!is_true(status, "/source/synced")) return name + ", not in sync: see the problems";
    const auto age = at(status, "/source/ageSeconds");
    if (age == "0") return name + ", in sync";
    return name + ", not heard for " + age + " s: see the problems; what it said last is enforced";
}

std::string maps_line(const Json& status) {
    return is_true(status, "/inSync") ? "in sync" : "not in sync: see the errors, and which map is full";
}

std::string enforcement_line(const Json& status) {
    if (!is_true(status, "/armed")) return "asleep: nothing is protected in enforce mode, nothing is dropped";
    return list(status, "overrides").empty() ? "armed" : "armed, but overridden";
}

std::string override_line(const Json& override) {
    const auto tenant = at(override, "/tenant");
    return "until " + at(override, "/until") + (tenant == "-" ? " anything" : " what tenant " + tenant + " refuses") +
           " passes (" + at(override, "/scope") + "): " + at(override, "/reason");
}

std::string interfaces_line(const Json& status) {
    return at(status, "/interfaces/guarded") + " guarded, " + at(status, "/interfaces/held") + " held, " +
           at(status, "/interfaces/unguarded") + " unguarded" +
           (status.value(Pointer("/interfaces/shut"), 0) == 0
                ? ""
                : ", " + at(status, "/interfaces/shut") + " shut: no slot is left for their pods") +
           (status.value(Pointer("/interfaces/unwiredPods"), 0) == 0
                ? ""
                : ", " + at(status, "/interfaces/unwiredPods") + " pods without one that is known");
}

std::string attach_line(const Json& status) {
    return at(status, "/attach/mode") + " (asked for: " + at(status, "/attach/asked") + ")";
}

std::string kernel_line(const Json& status) {
    return at(status, "/kernel/release") + ", HZ " + at(status, "/kernel/hz");
}

/// The kernel's features that are there, or those that aren't.
std::string features_line(const Json& status, bool present) {
    const Json features = status.value(Pointer("/kernel/features"), Json::object());
    std::string names;
    for (const auto& [name, value] : features.items())
        if (value == present) names += (names.empty() ? "" : ", ") + name;
    return names.empty() ? "-" : names;
}

std::string party_text(const Json& party) {
    std::string text = at(party, "/name");
    if (text != at(party, "/address")) text += " (" + at(party, "/address") + ")";
    return text;
}

std::string identity_text(const Json& party) {
    std::string text = at(party, "/what");
    text += at(party, "/tenant") == "-" ? ", nobody's" : " of tenant " + at(party, "/tenant");
    text += ", " + at(party, "/level") + ", " + at(party, "/mode");
    for (const char* property : {"sealed", "confined"})
        if (party.value(property, false)) text += std::string(", ") + property;
    return text;
}

void add_party(Table& table, const std::string& title, const Json& party) {
    table.add({title, party_text(party)});
    table.add({"", identity_text(party)});
    for (const std::string what : {"tenant", "level", "mode"})
        if (const auto from = at(party, ("/" + what + "From").c_str()); from != "-")
            table.add({"", what + ": " + from});
}

std::string target_text(const Json& explanation) {
    const auto protocol = at(explanation, "/protocol");
    return explanation.contains("port") ? protocol + " port " + at(explanation, "/port") : protocol;
}

std::string rule_text(const Json& explanation) {
    const auto line = at(explanation, "/line");
    const auto name = at(explanation, "/reason");
    return (line == "-" ? name : "line " + line + ", " + name) + ": " + at(explanation, "/text");
}

std::string judge_text(const Json& explanation) {
    if (!explanation.contains("judge") || explanation["judge"].is_null()) return "nobody";
    const auto& judge = explanation["judge"];
    std::string text = "node " + at(judge, "/node");
    if (judge.contains("hook")) text += ", " + at(judge, "/hook") + " at " + at(judge, "/interface");
    return text;
}

} // namespace

std::string status_text(const Json& status, Width width) {
    Table table;
    table.add({"node", at(status, "/node")});
    table.add({"version", at(status, "/version")});
    table.add({"ready", at(status, "/ready")});
    table.add({"source", source_line(status)});
    if (const auto slices = status.value("slices", ""); !slices.empty()) table.add({"slices", slices});
    table.add({"maps", maps_line(status)});
    table.add({"enforcement", enforcement_line(status)});
    for (const auto& override : list(status, "overrides"))
        table.add({"override", override_line(override)});
    table.add({"attachment", attach_line(status)});
    table.add({"kernel", kernel_line(status)});
    table.add({"  has", features_line(status, true)});
    table.add({"  lacks", features_line(status, false)});
    table.add({"interfaces", interfaces_line(status)});
    table.add({"uplinks", at(status, "/interfaces/uplinks")});
    for (const auto& error : list(status, "errors"))
        table.add({"error", error.is_string() ? error.get<std::string>() : error.dump()});
    table.add({"problems", std::to_string(list(status, "problems").size())});
    std::string text = table.text(width) + "\n" + maps_text(status, width);
    if (!list(status, "problems").empty()) text += "\n" + problems_text(list(status, "problems"), width);
    return text;
}

std::string maps_text(const Json& status, Width width) {
    const auto& maps = list(status, "maps");
    Table table({"MAP", "ENTRIES", "LIMIT", "FULL", "REFUSED"});
    for (const auto& map : maps) {
        const auto entries = map.value("entries", 0.0);
        const auto limit = map.value("limit", 0.0);
        const auto percent = limit > 0 ? static_cast<int>(100 * entries / limit) : 0;
        table.add({at(map, "/name"), at(map, "/entries"), at(map, "/limit"), std::to_string(percent) + "%",
                   at(map, "/refused")});
    }
    return table.text(width);
}

std::string endpoints_text(const Json& answer, Width width) {
    const auto& endpoints = list(answer, "endpoints");
    if (endpoints.empty()) return "no endpoints\n";
    Table table({"NAME", "TENANT", "LEVEL", "MODE", "STATE"});
    for (const auto& endpoint : endpoints) {
        table.add({at(endpoint, "/name"), at(endpoint, "/tenant"), at(endpoint, "/level"), at(endpoint, "/mode"),
                   at(endpoint, "/state")});
        table.add_below(at(endpoint, "/addresses")); // those of two families need a line of their own
    }
    return table.text(width);
}

std::string tenants_text(const Json& answer, Width width) {
    Table table({"TENANT", "LEVEL", "MODE", "ENDPOINTS", "NAMESPACES"});
    for (const auto& tenant : list(answer, "tenants")) {
        std::string level = at(tenant, "/levels");
        for (const char* property : {"sealed", "confined"})
            if (tenant.value(property, false)) level += std::string(", ") + property;
        table.add(
            {at(tenant, "/name"), level, at(tenant, "/modes"), at(tenant, "/endpoints"), at(tenant, "/namespaces")});
    }
    return table.empty() ? "no tenants\n" : table.text(width);
}

std::string explanation_text(const Json& explanation, Width width) {
    Table table;
    add_party(table, "from", explanation.value("src", Json::object()));
    add_party(table, "to", explanation.value("dst", Json::object()));
    table.add({"on", target_text(explanation)});
    table.add({"verdict", at(explanation, "/verdict")});
    if (explanation.contains("reason")) table.add({"rule", rule_text(explanation)});
    if (at(explanation, "/origin") != "-") table.add({"decided by", at(explanation, "/origin")});
    table.add({"judged by", judge_text(explanation)});
    for (const auto& note : list(explanation, "notes"))
        table.add({"note", note.is_string() ? note.get<std::string>() : note.dump()});
    return table.text(width) + needs_text(explanation.value("wouldAllow", Json::array()), width);
}

std::string problems_text(const Json& problems, Width width) {
    std::string text;
    for (const auto& problem : problems) {
        Table table;
        std::string where = at(problem, "/origin");
        for (const char* part : {"/object", "/field"})
            if (at(problem, part) != "-") where += ", " + at(problem, part);
        table.add({where + ":"});
        Table what;
        what.add({"   ", at(problem, "/text")});
        text += table.text(width) + what.text(width);
    }
    return text;
}

} // namespace bulkhead::ctl
