// SPDX-License-Identifier: Apache-2.0
#include "flow/stream.h"

#include <algorithm>

#include "flow/time.h"

namespace bulkhead::flow {

namespace {

constexpr auto kPackets = "packets";

/// Empty where nobody says.
Result<std::string> text_in(const Json& json, const char* name) {
    const auto text = json.find(name);
    if (text == json.end()) return std::string();
    if (!text->is_string()) return fail(std::string(name) + ": is not a text");
    return text->get<std::string>();
}

Result<Line> parse_lost(const Json& json) {
    if (!json.at("lost").is_number_unsigned()) return fail("lost: is not a whole number");
    const auto because = text_in(json, "because"), node = text_in(json, "node"), unit = text_in(json, "unit");
    for (const auto* text : {&because, &node, &unit})
        if (!*text) return tl::unexpected(text->error());
    return Lost{
        .count = json.at("lost").get<uint64_t>(), .because = *because, .node = *node, .packets = *unit == kPackets};
}

Result<Line> parse_forgotten(const Json& json) {
    for (const char* name : {"forgotten", "before"})
        if (!json.contains(name) || !json.at(name).is_string()) return fail(std::string(name) + ": is not a text");
    const auto before = parse_time(json.at("before").get<std::string>(), {});
    if (!before) return within("before", before.error());
    const auto node = text_in(json, "node");
    if (!node) return tl::unexpected(node.error());
    return Forgotten{.what = json.at("forgotten").get<std::string>(), .before = *before, .node = *node};
}

} // namespace

Json to_json(const Lost& lost) {
    Json json{{"lost", lost.count}, {"because", lost.because}};
    if (lost.packets) json["unit"] = kPackets;
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
