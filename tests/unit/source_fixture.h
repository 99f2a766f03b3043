// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the directory source share: a directory of their own, and short ways to write files
// and to find problems.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "state/objects.h"

namespace bulkhead::source {

/// Removed with everything in it.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        auto pattern = (std::filesystem::temp_directory_path() / "bulkhead-source-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        path_ = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path at(const std::string& name) const { return path_ / name; }

    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(at(name).parent_path());
        std::ofstream(at(name), std::ios::binary | std::ios::trunc) << text;
    }

    /// As files appear in practice: written beside, then renamed.
    void replace(const std::string& name, const std::string& text) const {
        write(name + ".new", text);
        std::filesystem::rename(at(name + ".new"), at(name));
    }

    void remove(const std::string& name) const { std::filesystem::remove_all(at(name)); }

private:
    std::filesystem::path path_;
};

/// "payments.yaml:4 Tenant payments spec.level: ...", without the parts that are empty.
inline std::string line_of(const state::Problem& problem) {
    std::string line = problem.origin;
    for (const auto& part : {problem.object, problem.field})
        if (!part.empty()) line += " " + part;
    return line + ": " + problem.text;
}

inline bool has_problem(const std::vector<state::Problem>& problems, const std::string& text) {
    return std::any_of(problems.begin(), problems.end(),
                       [&](const auto& problem) { return line_of(problem).find(text) != std::string::npos; });
}

inline std::string all_of(const std::vector<state::Problem>& problems) {
    std::string all;
    for (const auto& problem : problems)
        all += line_of(problem) + "\n";
    return all;
}

} // namespace bulkhead::source
