// SPDX-License-Identifier: Apache-2.0
#include "wired_pods.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

namespace bulkhead {

namespace {

using Json = nlohmann::json;

} // namespace

Result<> WiredPods::restore(state::Cluster& cluster) {
    std::ifstream file(file_);
    if (!file) return {};
    const auto json = Json::parse(file, nullptr, false);
    if (!json.is_object()) return fail("read " + file_ + ": it is no list of pods");
    state::Cluster::Wired wired;
    for (const auto& [key, uid] : json.items()) {
        if (!uid.is_string()) return fail("read " + file_ + ": it is no list of pods");
        wired.emplace(key, uid.get<std::string>());
    }
    cluster.set_wired_before(wired);
    kept_ = std::move(wired);
    return {};
}

/// Under another name first, so that there is a whole file at any moment.
Result<> WiredPods::keep(const state::Cluster& cluster) {
    auto wired = cluster.wired();
    if (wired == kept_) return {};
    auto json = Json::object();
    for (const auto& [key, uid] : wired)
        json[key] = uid.str();
    const auto fresh = file_ + ".new";
    std::ofstream file(fresh, std::ios::trunc);
    file << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    file.close();
    if (!file) return fail("write " + fresh, errno);
    std::error_code error;
    std::filesystem::rename(fresh, file_, error);
    if (error) return fail("write " + file_, error.value());
    kept_ = std::move(wired);
    return {};
}

} // namespace bulkhead
