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

Result<std::set<Cidr>> addresses_in(const nlohmann::json& list) {
    if (!list.is_array()) return fail("it is no list of addresses");
    std::set<Cidr> addresses;
    for (const auto& text : list) {
        if (!text.is_string()) return fail("it is no list of addresses");
        const auto address = Cidr::parse(text.get<std::string>());
        if (!address) return tl::unexpected(address.error());
        addresses.insert(*address);
    }
    return addresses;
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
    for (const auto& [resource, addresses] : found) {
        auto& list = json[resource] = nlohmann::json::array();
        for (const auto& address : addresses)
            list.push_back(address.text());
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
