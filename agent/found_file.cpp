// SPDX-License-Identifier: Apache-2.0
#include "found_file.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/fd.h"

namespace bulkhead {

namespace {

namespace fs = std::filesystem;

constexpr auto kNewFile = ".new";
constexpr mode_t kMode = 0600;

using Json = nlohmann::json;

const Json& member(const Json& object, const char* name) {
    static const Json kNone;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found == object.end() ? kNone : *found;
}

Result<std::set<state::OwnerTags>> owners_in(const Json& list) {
    std::set<state::OwnerTags> owners;
    if (!list.is_array()) return fail("it is no list of owners");
    for (const auto& owner : list) {
        const auto &tenant = member(owner, "tenant"), &level = member(owner, "level");
        if (!tenant.is_string() || !level.is_string()) return fail("it is no list of owners");
        owners.insert({.tenant = tenant.get<std::string>(), .level = level.get<std::string>()});
    }
    return owners;
}

Result<std::set<resolve::Origin>> origins_in(const Json& list) {
    std::set<resolve::Origin> origins;
    if (list.is_null()) return origins;
    if (!list.is_array()) return fail("it is no list of what found an address");
    for (const auto& origin : list) {
        const auto &question = member(origin, "question"), &name = member(origin, "name");
        if (!question.is_string() || !name.is_string()) return fail("it is no list of what found an address");
        origins.insert({.question = question.get<std::string>(), .name = name.get<std::string>()});
    }
    return origins;
}

Result<resolve::Remembered> addresses_in(const Json& list) {
    if (!list.is_array()) return fail("it is no list of addresses");
    resolve::Remembered found;
    for (const auto& item : list) {
        const auto& text = item.is_object() ? member(item, "address") : item;
        if (!text.is_string()) return fail("it is no list of addresses");
        const auto address = Cidr::parse(text.get<std::string>());
        if (!address) return tl::unexpected(address.error());
        const auto owners = item.is_object() ? owners_in(member(item, "owners")) : std::set<state::OwnerTags>{};
        if (!owners) return tl::unexpected(owners.error());
        auto origins = origins_in(member(item, "from"));
        if (!origins) return tl::unexpected(origins.error());
        found.addresses.insert(*address);
        if (!owners->empty()) found.owners[*address] = *owners;
        if (!origins->empty()) found.origins[*address] = std::move(*origins);
    }
    return found;
}

Json json_of(const Cidr& address, const resolve::Remembered& found) {
    const auto of_it = found.owners.find(address);
    const auto by = found.origins.find(address);
    if (of_it == found.owners.end() && by == found.origins.end()) return address.text();
    auto owners = Json::array(), origins = Json::array();
    if (of_it != found.owners.end())
        for (const auto& [tenant, level] : of_it->second)
            owners.push_back({{"tenant", tenant}, {"level", level}});
    if (by != found.origins.end())
        for (const auto& [question, name] : by->second)
            origins.push_back({{"question", question}, {"name", name}});
    return {{"address", address.text()}, {"owners", owners}, {"from", origins}};
}

Result<> put_on_disk(const std::string& path, const std::string& text) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, kMode));
    if (!file.valid()) return fail("open " + path, errno);
    for (size_t written = 0; written < text.size();) {
        const ssize_t more = ::write(file.get(), text.data() + written, text.size() - written);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) return fail("write " + path, errno);
        written += static_cast<size_t>(more);
    }
    if (::fdatasync(file.get()) != 0) return fail("write " + path, errno);
    return {};
}

} // namespace

Result<FoundFile::Found> FoundFile::read() const {
    std::error_code error;
    if (!fs::exists(path_, error) && !error) return Found{};
    std::ifstream file(path_);
    const auto json = nlohmann::json::parse(file, nullptr, false);
    if (!json.is_object()) return fail("read " + path_ + ": it doesn't say which addresses AWSResources have");
    Found found;
    for (const auto& [resource, list] : json.items()) {
        auto addresses = addresses_in(list);
        if (!addresses) return within("read " + path_, addresses.error());
        found[resource] = std::move(*addresses);
    }
    return found;
}

Result<> FoundFile::write(const Found& found) const {
    auto json = nlohmann::json::object();
    for (const auto& [resource, of_it] : found) {
        auto& list = json[resource] = nlohmann::json::array();
        for (const auto& address : of_it.addresses)
            list.push_back(json_of(address, of_it));
    }
    std::error_code error;
    if (const auto directory = fs::path(path_).parent_path(); !directory.empty())
        fs::create_directories(directory, error);
    if (error) return fail("make the directory of " + path_, error.value());
    const auto beside = path_ + kNewFile;
    if (auto written = put_on_disk(beside, json.dump() + "\n"); !written) return written;
    if (::rename(beside.c_str(), path_.c_str()) != 0) return fail("write " + path_, errno);
    return {};
}

Result<> FoundFile::remove(const std::string& path) {
    for (const auto& name : {path, path + kNewFile}) {
        std::error_code error;
        fs::remove(name, error);
        if (error) return fail("remove " + name, error.value());
    }
    return {};
}

} // namespace bulkhead
