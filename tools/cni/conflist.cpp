// SPDX-License-Identifier: Apache-2.0
#include "cni/conflist.h"

#include <algorithm>

namespace bulkhead::cni {

namespace {

constexpr int kIndent = 2;

std::string type_of(const Json& plugin) {
    return plugin.contains("type") && plugin["type"].is_string() ? plugin["type"].get<std::string>() : "";
}

bool is_ours(const Json& plugin) {
    return type_of(plugin) == kName;
}

Result<Json> parse(const std::string& text) {
    auto list = Json::parse(text, nullptr, false);
    if (list.is_discarded()) return fail("it is no JSON");
    if (!list.is_object() || !list.contains("plugins") || !list["plugins"].is_array())
        return fail("it is no configuration list: there is no list \"plugins\"");
    for (const auto& plugin : list["plugins"])
        if (!plugin.is_object() || type_of(plugin).empty()) return fail("one of its \"plugins\" has no type");
    return list;
}

std::string text_of(const Json& list) {
    return list.dump(kIndent) + "\n";
}

} // namespace

Result<std::optional<std::string>> with_entry(const std::string& conflist, const Json& entry) {
    auto list = parse(conflist);
    if (!list) return tl::unexpected(list.error());
    const auto version = list->value("cniVersion", Json());
    if (!version.is_string() || std::ranges::find(kVersions, version.get<std::string>()) == kVersions.end())
        return fail("its cniVersion is " + version.dump() + ", and " + kName + " speaks " + kVersions.front() + " to " +
                    kVersions.back());
    Json plugins = Json::array();
    for (const auto& plugin : (*list)["plugins"])
        if (!is_ours(plugin)) plugins.push_back(plugin);
    if (plugins.empty()) return fail("it has no plugin that makes a network");
    plugins.push_back(entry);
    if ((*list)["plugins"] == plugins) return std::nullopt;
    (*list)["plugins"] = plugins;
    return text_of(*list);
}

Result<std::optional<std::string>> without_entry(const std::string& conflist) {
    auto list = parse(conflist);
    if (!list) return tl::unexpected(list.error());
    Json plugins = Json::array();
    for (const auto& plugin : (*list)["plugins"])
        if (!is_ours(plugin)) plugins.push_back(plugin);
    if (plugins.size() == (*list)["plugins"].size()) return std::nullopt;
    (*list)["plugins"] = plugins;
    return text_of(*list);
}

} // namespace bulkhead::cni
