// SPDX-License-Identifier: Apache-2.0
#include "flow/stream.h"

#include <algorithm>

#include "flow/time.h"

namespace bulkhead::flow {

namespace {

/// Empty where nobody says.
Result<std::string> node_in(const Json& json) {
    const auto node = json.find("node");
    if (node == json.end()) return std::string();
    if (!node->is_string()) return fail("node: is not a text");
    return node->get<std::string>();
}

Result<Line> parse_lost(const Json& json) {
    const auto because = json.find("because");
    if (!json.at("lost").is_number_unsigned()) return fail("lost: is not a whole number");
    if (because != json.end() && !because->is_string()) return fail("because: is not a text");
    const auto node = node_in(json);
    if (!node) return tl::unexpected(node.error());
    return Lost{.flows = json.at("lost").get<uint64_t>(),
                .because = because == json.end() ? "" : because->get<std::string>(),
                .node = *node};
}

Result<Line> parse_forgotten(const Json& json) {
    for (const char* name : {"forgotten", "before"})
        if (!json.contains(name) || !json.at(name).is_string()) return fail(std::string(name) + ": is not a text");
    const auto before = parse_time(json.at("before").get<std::string>(), {});
    if (!before) return within("before", before.error());
    const auto node = node_in(json);
    if (!node) return tl::unexpected(node.error());
    return Forgotten{.what = json.at("forgotten").get<std::string>(), .before = *before, .node = *node};
}

} // namespace

Json to_json(const Lost& lost) {
    Json json{{"lost", lost.flows}, {"because", lost.because}};
    if (!lost.node.empty()) json["node"] = lost.node;
    return json;
}

Json to_json(const Forgotten& forgotten) {
    Json json{{"forgotten", forgotten.what}, {"before", rfc3339_nano(forgotten.before)}};
    if (!forgotten.node.empty()) json["node"] = forgotten.node;
    return json;
}

Json to_json(const Broken& broken) {
    return {{"error", broken.why}};
}

bool is_notice(const Json& json) {
    if (!json.is_object() || json.empty()) return false;
    for (const char* field : {"verdict", "source", "destination"})
        if (json.contains(field)) return false;
    return std::ranges::all_of(json, [](const Json& value) { return value.is_primitive(); });
}

Result<Line> parse_line(const Json& json) {
    if (json.is_object() && json.contains("lost")) return parse_lost(json);
    if (json.is_object() && json.contains("forgotten")) return parse_forgotten(json);
    if (json.is_object() && json.contains("error")) {
        if (!json.at("error").is_string()) return fail("error: is not a text");
        return Broken{json.at("error").get<std::string>()};
    }
    if (is_notice(json)) return Unknown{json};
    auto record = parse(json);
    if (!record) return tl::unexpected(record.error());
    return std::move(*record);
}

std::string line_of(const Json& json) {
    constexpr bool kAscii = true;
    return json.dump(-1, ' ', kAscii, Json::error_handler_t::replace) + "\n";
}

} // namespace bulkhead::flow
