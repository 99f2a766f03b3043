// SPDX-License-Identifier: Apache-2.0
#include "controller/json.h"

namespace bulkhead::controller {

namespace {

struct Convert {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(const source::Array& items) const {
        Json json = Json::array();
        for (const auto& item : items)
            json.push_back(json_of(item));
        return json;
    }
    Json operator()(const source::Object& members) const {
        Json json = Json::object();
        for (const auto& [key, value] : members)
            json[key] = json_of(value);
        return json;
    }
    Json operator()(const auto& scalar) const { return scalar; }
};

} // namespace

Json json_of(const source::Value& value) {
    return std::visit(Convert{}, value.content);
}

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace bulkhead::controller
