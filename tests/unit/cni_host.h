// SPDX-License-Identifier: Apache-2.0
//
// Directories like a host's, with the VPC CNI's list, and the real bulkhead-cni that is put into them.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/require.h"

namespace bulkhead::test {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Words = std::vector<std::string>;

inline const std::string kAws = R"({
  "cniVersion": "0.4.0",
  "name": "aws-cni",
  "disableCheck": true,
  "plugins": [
    {
      "name": "aws-cni",
      "type": "aws-cni",
      "vethPrefix": "eni",
      "mtu": "9001"
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      },
      "snat": true
    }
  ]
}
)";

inline std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// As aws-node writes it: over what is there.
inline void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

class Host {
public:
    Host() {
        REQUIRE(mkdtemp(path_.data()) != nullptr);
        fs::create_directories(bin());
        fs::create_directories(conf());
    }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host() { fs::remove_all(path_); }

    fs::path bin() const { return fs::path(path_) / "bin"; }
    fs::path conf() const { return fs::path(path_) / "net.d"; }
    fs::path aws() const { return conf() / "10-aws.conflist"; }
    fs::path program() const { return bin() / "bulkhead-cni"; }

    Words words(const std::string& verb, const Words& more = {}) const {
        Words words{BULKHEAD_CNI, verb, "--bin-dir", bin(), "--conf-dir", conf()};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }
    std::pair<int, std::string> run(const std::string& verb, const Words& more = {}) const {
        auto process = require(Process::start(words(verb, more)));
        const auto status = process.wait(after(60s));
        REQUIRE(status);
        return {*status, process.output()};
    }
    Process watch(const Words& more = {}) const {
        Words all{"--watch"};
        all.insert(all.end(), more.begin(), more.end());
        return require(Process::start(words("install", all)));
    }
    /// Names of all files, sorted.
    std::vector<std::string> files() const {
        std::vector<std::string> found;
        for (const auto& directory : {bin(), conf()})
            for (const auto& entry : fs::directory_iterator(directory))
                found.push_back(entry.path().filename());
        std::ranges::sort(found);
        return found;
    }
    Json plugins(const fs::path& list) const { return Json::parse(text_of(list)).at("plugins"); }
    /// The last entry is ours, and there is no other.
    bool has_gate(const fs::path& list) const {
        const auto json = Json::parse(text_of(list), nullptr, false);
        if (!json.is_object()) return false;
        const auto& all = json.at("plugins");
        const auto is_ours = [](const Json& one) { return one.at("type") == "bulkhead-cni"; };
        return std::ranges::count_if(all, is_ours) == 1 && is_ours(all.back());
    }

private:
    std::string path_ = fs::temp_directory_path() / "cni-XXXXXX";
};

inline mode_t mode_of(const fs::path& path) {
    struct stat state {};
    REQUIRE(stat(path.c_str(), &state) == 0);
    return state.st_mode & 07777;
}

inline ino_t inode_of(const fs::path& path) {
    struct stat state {};
    REQUIRE(stat(path.c_str(), &state) == 0);
    return state.st_ino;
}

} // namespace bulkhead::test
