// SPDX-License-Identifier: Apache-2.0
#include "source/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "source/content.h"
#include "source/tree.h"

namespace bulkhead::source {

namespace {

class Reading {
public:
    explicit Reading(std::vector<state::Problem>& problems) : problems_(problems) {}

    void path(const std::string& path) {
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
            directory(path);
        } else {
            file(path);
        }
    }

    std::vector<state::Object> take() { return std::move(objects_); }

private:
    void directory(const std::string& path) {
        const auto tree = walk(path, [](const std::string&, const std::string&) {});
        for (auto problem : tree.problems) {
            if (problem.origin != path) problem.origin = path + "/" + problem.origin;
            problems_.push_back(std::move(problem));
        }
        for (const auto& [name, file_of] : tree.files)
            file(path + "/" + name);
    }

    void file(const std::string& path) {
        auto content = read_content(path, path, pool_);
        for (auto& problem : content.problems) {
            const auto is_of = [&](const state::ObjectKey& key) { return key.text() == problem.object; };
            if (std::ranges::any_of(content.repeated, is_of)) problem.nature = state::Problem::Nature::kConflict;
            problems_.push_back(std::move(problem));
        }
        for (auto& object : content.objects) {
            const auto key = state::key_of(object).text();
            const auto [first, is_new] = origins_.try_emplace(key, path);
            if (is_new) {
                objects_.push_back(std::move(object));
            } else {
                problems_.push_back({.origin = state::origin_of(object),
                                     .object = key,
                                     .field = "",
                                     .text = "is also in " + first->second,
                                     .nature = state::Problem::Nature::kConflict});
            }
        }
    }

    std::vector<state::Problem>& problems_;
    state::Pool pool_;
    std::vector<state::Object> objects_;
    std::map<std::string, std::string> origins_; // object -> file
};

} // namespace

std::vector<state::Object> read_all(const std::vector<std::string>& paths, std::vector<state::Problem>& problems) {
    Reading reading(problems);
    for (const auto& path : paths)
        reading.path(path);
    return reading.take();
}

std::vector<state::Object> read_text(const std::string& name, const std::string& text,
                                     std::vector<state::Problem>& problems) {
    state::Pool pool;
    auto content = read_content_of(text, pool.share(name), pool);
    problems.insert(problems.end(), content.problems.begin(), content.problems.end());
    return std::move(content.objects);
}

} // namespace bulkhead::source
