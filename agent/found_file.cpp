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
constexpr auto kUnreadableFile = ".unreadable";
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

Result<> add_address(const Json& item, resolve::Remembered& found) {
    const auto& text = item.is_object() ? member(item, "address") : item;
    if (!text.is_string()) return fail("it is no address");
    const auto address = Cidr::parse(text.get<std::string>());
    if (!address) return tl::unexpected(address.error());
    const auto owners = item.is_object() ? owners_in(member(item, "owners")) : std::set<state::OwnerTags>{};
    if (!owners) return tl::unexpected(owners.error());
    auto origins = origins_in(member(item, "from"));
    if (!origins) return tl::unexpected(origins.error());
    found.addresses.insert(*address);
    if (!owners->empty()) found.owners[*address] = *owners;
    if (!origins->empty()) found.origins[*address] = std::move(*origins);
    return {};
}

/// Of what is passed over, the first one tells for all.
class PassedOver {
public:
    void add(const std::string& resource, const std::string& why) {
        if (count_++ == 0) first_ = resource + ": " + why;
    }
    std::string text(const std::string& path) const {
        if (count_ == 0) return "";
        return "read " + path + ": passed over " + std::to_string(count_) +
               (count_ == 1 ? " entry, of " : " entries, the first one of ") + first_;
    }

private:
    size_t count_ = 0;
    std::string first_;
};

resolve::Remembered addresses_in(const std::string& resource, const Json& list, PassedOver& passed_over) {
    resolve::Remembered found;
    if (!list.is_array()) passed_over.add(resource, "it is no list of addresses");
    if (!list.is_array()) return found;
    for (const auto& item : list)
        if (const auto added = add_address(item, found); !added) passed_over.add(resource, added.error().text);
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

Result<FoundFile::Content> FoundFile::read() const {
    std::error_code error;
    if (!fs::exists(path_, error) && !error) return Content{};
    std::ifstream file(path_);
    const auto json = nlohmann::json::parse(file, nullptr, false);
    if (!json.is_object()) return fail("read " + path_ + ": it doesn't say which addresses AWSResources have");
    Content content;
    PassedOver passed_over;
    for (const auto& [resource, list] : json.items())
        if (auto found = addresses_in(resource, list, passed_over); !found.addresses.empty())
            content.found[resource] = std::move(found);
    content.fault = passed_over.text(path_);
    return content;
}

Result<std::string> FoundFile::keep_unreadable() const {
    const auto beside = path_ + kUnreadableFile;
    std::error_code error;
    fs::remove(beside, error);
    if (!error) fs::create_hard_link(path_, beside, error); // write() makes a new file, so this one stays as it is
    if (error) return fail("keep " + path_ + " as " + beside, error.value());
    return beside;
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
    for (const auto& name : {path, path + kNewFile, path + kUnreadableFile}) {
        std::error_code error;
        fs::remove(name, error);
        if (error) return fail("remove " + name, error.value());
    }
    return {};
}

} // namespace bulkhead
