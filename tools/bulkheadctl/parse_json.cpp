// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/parse_json.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

Result<Json> parse_json(std::string_view text, int deepest) {
    bool is_deep = false;
    const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
        is_deep = is_deep || depth > deepest;
        return depth <= deepest;
    };
    try {
        auto json = Json::parse(text, shallow);
        if (is_deep) return fail("is nested too deep");
        return json;
    } catch (const Json::parse_error& error) {
        return fail("is not JSON: column " + std::to_string(error.byte));
    } catch (const Json::out_of_range&) {
        return fail("has a number that is too large");
    }
}

std::string text_at(const nlohmann::ordered_json& json, const char* name) {
    const auto found = json.find(name);
    return found == json.end() || !found->is_string() ? "" : found->get<std::string>();
}

} // namespace bulkhead::ctl
