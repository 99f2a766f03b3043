// SPDX-License-Identifier: Apache-2.0
#include "source/ledger.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "source/decode.h"

namespace bulkhead::source {

namespace {

constexpr auto kLastGood = "; its last good content stays in force";
constexpr auto kLastSaid = "; what it said last stays in force";
constexpr auto kFirstOne = "; the first one counts";
constexpr auto kNothing = "; no good content of it is known";

state::Problem duplicate(const state::ObjectKey& key, const state::Object& object, std::string_view in_force) {
    return {.origin = state::origin_of(object),
            .object = key.text(),
            .field = "",
            .text = "is also in " + std::string(in_force) + ", which stays in force"};
}

} // namespace

void Ledger::apply(const std::string& file, Content content, state::Cluster& cluster) {
    note_problems(file, content, cluster);
    note_unheard(file, content);
    if (!content.readable) return;
    waiting_.erase(file);
    const auto before = std::exchange(keys_[file], {});
    auto now = take_over(file, std::move(content), before, cluster);
    now.shrink();
    keys_[file] = std::move(now);
}

KeyList Ledger::take_over(const std::string& file, Content content, const KeyList& before, state::Cluster& cluster) {
    std::vector<state::ObjectKey> now = std::move(content.invalid);
    std::erase_if(now, [&](const state::ObjectKey& key) { return cluster.origin_of(key) != file; });
    now.reserve(now.size() + content.objects.size());
    for (auto& object : content.objects) {
        auto key = state::key_of(object);
        const bool stays =
            cluster.origin_of(key) == file && std::binary_search(content.repeated.begin(), content.repeated.end(), key);
        if (stays || put_or_wait(file, std::move(object), cluster)) now.push_back(std::move(key));
    }
    std::sort(now.begin(), now.end());

    KeyList kept;
    for (const auto& key : now)
        kept.add(key);
    before.each([&](const state::ObjectKey& key) {
        if (std::binary_search(now.begin(), now.end(), key)) return;
        if (content.anonymous) return kept.add(key); // whoever says no name may be any of the missing
        release(key, cluster);
    });
    return kept;
}

/// True if `file` speaks for the object.
bool Ledger::put_or_wait(const std::string& file, state::Object object, state::Cluster& cluster) {
    auto key = state::key_of(object);
    const auto owner = cluster.origin_of(key);
    if (owner && *owner != file) {
        waiting_[file].insert_or_assign(std::move(key), std::move(object));
        return false;
    }
    cluster.put(std::move(object));
    return true;
}

void Ledger::drop(const std::string& file, state::Cluster& cluster) {
    waiting_.erase(file);
    problems_.erase(file);
    unheard_.erase(file);
    const auto keys = keys_.extract(file);
    if (!keys.empty()) keys.mapped().each([&](const state::ObjectKey& key) { release(key, cluster); });
}

void Ledger::release(const state::ObjectKey& key, state::Cluster& cluster) {
    for (auto& [file, objects] : waiting_) {
        auto next = objects.extract(key);
        if (next.empty()) continue;
        cluster.put(std::move(next.mapped()));
        keys_[file].add(key);
        if (objects.empty()) waiting_.erase(file);
        return;
    }
    cluster.remove(key);
}

void Ledger::note_problems(const std::string& file, const Content& content, const state::Cluster& cluster) {
    if (content.problems.empty()) {
        problems_.erase(file);
        return;
    }
    std::map<std::string, const char*> instead; // of what is invalid: object -> what is in force
    for (const auto& key : content.invalid)
        instead[key.text()] = cluster.origin_of(key) ? kLastGood : kNothing;
    for (const auto& key : content.repeated)
        instead[key.text()] = cluster.origin_of(key) ? kLastGood : kFirstOne;
    auto& problems = problems_[file];
    problems = content.problems;
    for (auto& problem : problems) {
        if (const auto found = instead.find(problem.object); found != instead.end()) problem.text += found->second;
        if (!content.readable) problem.text += keys_.contains(file) ? kLastSaid : kNothing;
    }
}

void Ledger::note_unheard(const std::string& file, const Content& content) {
    const auto known = unheard_.find(file);
    const bool is_first = known != unheard_.end() ? known->second.all : !keys_.contains(file);
    if (!content.readable && !is_first) return;
    Unheard now{.all = is_first && (!content.readable || content.anonymous),
                .invalid = content.invalid,
                .repeated = content.repeated};
    std::erase_if(now.invalid, std::not_fn(is_waited_for));
    std::erase_if(now.repeated, std::not_fn(is_waited_for));
    if (now.all || !now.invalid.empty() || !now.repeated.empty())
        unheard_[file] = std::move(now);
    else
        unheard_.erase(file);
}

std::vector<std::string> Ledger::unheard(const state::Cluster& cluster) const {
    std::set<std::string> files;
    for (const auto& [file, unheard] : unheard_)
        if (unheard.all || !unheard.repeated.empty() ||
            std::any_of(unheard.invalid.begin(), unheard.invalid.end(),
                        [&](const auto& key) { return !cluster.origin_of(key); }))
            files.insert(file);
    for (const auto& [file, objects] : waiting_)
        if (std::any_of(objects.begin(), objects.end(), [](const auto& one) { return is_waited_for(one.first); }))
            files.insert(file);
    return {files.begin(), files.end()};
}

std::vector<state::Problem> Ledger::problems(const state::Cluster& cluster) const {
    std::vector<state::Problem> all;
    for (const auto& [file, problems] : problems_)
        all.insert(all.end(), problems.begin(), problems.end());
    for (const auto& [file, objects] : waiting_)
        for (const auto& [key, object] : objects)
            all.push_back(duplicate(key, object, cluster.origin_of(key).value_or("another file")));
    return all;
}

} // namespace bulkhead::source
