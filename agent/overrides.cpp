// SPDX-License-Identifier: Apache-2.0
#include "overrides.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

namespace bulkhead {

namespace {

using Json = nlohmann::json;

constexpr const char* kSaidHere = "bulkheadctl override on this node";
constexpr const char* kEverybody = "everybody";

/// Such a name no object in the API server can have.
std::string name_of(const std::string& node, const std::string& tenant) {
    return node + "/" + (tenant.empty() ? kEverybody : tenant);
}

Json to_json(const state::Override& override) {
    return {
        {"tenant", override.tenant}, {"until", override.until.time_since_epoch().count()}, {"reason", override.reason}};
}

bool is_row(const Json& row) {
    const auto is_text = [&](const char* key) { return row.contains(key) && row[key].is_string(); };
    return row.is_object() && is_text("tenant") && is_text("reason") && row.contains("until") &&
           row["until"].is_number_integer();
}

} // namespace

state::Override Overrides::made(const std::string& tenant, state::Time until, const std::string& reason) const {
    state::Override override;
    override.meta.name = name_of(node_, tenant);
    override.meta.origin = kSaidHere;
    override.tenant = tenant;
    override.until = until;
    override.reason = reason;
    override.only_here = true;
    return override;
}

Result<> Overrides::restore(state::Cluster& cluster) {
    std::ifstream file(file_);
    if (!file) return {};
    const auto json = Json::parse(file, nullptr, false);
    if (!json.is_array()) return fail("read " + file_ + ": it is no list of overrides");
    for (const auto& row : json) {
        if (!is_row(row)) return fail("read " + file_ + ": it is no list of overrides");
        const state::Time until{std::chrono::seconds(row["until"].get<int64_t>())};
        const auto now = state::Cluster::machine_time();
        if (until <= now || until > now + kLongestOverride) continue;
        auto override = made(row["tenant"], until, row["reason"]);
        cluster.put(override);
        kept_.emplace(override.tenant, std::move(override));
    }
    return {};
}

/// Under another name first, so that there is a whole file at any moment.
Result<> Overrides::write(const Kept& kept) const {
    auto json = Json::array();
    for (const auto& [tenant, override] : kept)
        if (override.until > state::Cluster::machine_time()) json.push_back(to_json(override));
    const auto fresh = file_ + ".new";
    std::ofstream file(fresh, std::ios::trunc);
    file << json.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    file.close();
    if (!file) return fail("write " + fresh, errno);
    std::error_code error;
    std::filesystem::rename(fresh, file_, error);
    if (error) return fail("write " + file_, error.value());
    return {};
}

Result<state::Override> Overrides::begin(const std::string& tenant, std::chrono::seconds length,
                                         const std::string& reason, state::Cluster& cluster) {
    auto override = made(tenant, state::Cluster::machine_time() + length, reason);
    auto next = kept_;
    next[tenant] = override;
    if (auto written = write(next); !written) return tl::unexpected(written.error());
    kept_ = std::move(next);
    cluster.put(override);
    return override;
}

Result<bool> Overrides::end(const std::string& tenant, state::Cluster& cluster) {
    auto next = kept_;
    if (next.erase(tenant) == 0) return false;
    if (auto written = write(next); !written) return tl::unexpected(written.error());
    kept_ = std::move(next);
    cluster.remove({.kind = "Override", .ns = "", .name = name_of(node_, tenant)});
    return true;
}

} // namespace bulkhead
