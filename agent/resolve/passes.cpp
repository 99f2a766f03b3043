// SPDX-License-Identifier: Apache-2.0
#include "resolve/passes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bulkhead::resolve {

void Passes::begin(const Subjects& all) {
    const bool is_turn = ++sweeps_ % kEach == 0;
    const bool nothing_fits = divisions_ == kMostDivisions && !some_fit_;
    if (nothing_fits) parts_.clear();
    divisions_ = nothing_fits && !is_turn ? kMostDivisions : 0;
    some_fit_ = false;
    asked_ = 0;
    forget_all_but(all);
    turn_.clear();
    auto fresh = all;
    for (const auto& part : parts_)
        for (const auto& subject : part.subjects)
            fresh.erase(subject);
    for (const auto& [subject, failure] : large_) {
        fresh.erase(subject);
        if (is_turn) turn_.insert(subject);
    }
    if (is_turn) large_.clear();
    join();
    add(std::move(fresh));
}

void Passes::forget_all_but(const Subjects& all) {
    for (auto& part : parts_)
        std::erase_if(part.subjects, [&](const Subject& one) { return !all.contains(one); });
    std::erase_if(parts_, [](const Part& part) { return part.subjects.empty(); });
    std::erase_if(large_, [&](const auto& one) { return !all.contains(one.first); });
}

/// With some room left: what grows must not be divided and joined again in turns.
void Passes::join() {
    std::ranges::sort(parts_, {}, &Part::bytes);
    std::vector<Part> joined;
    for (auto& part : parts_) {
        part.is_first_half = false;
        const auto has_room = [&](const Part& one) { return one.bytes + part.bytes <= most_ / 4 * 3; };
        const auto other = std::ranges::find_if(joined, has_room);
        if (other == joined.end()) {
            joined.push_back(std::move(part));
            continue;
        }
        other->subjects.merge(part.subjects);
        other->bytes += part.bytes;
    }
    parts_ = std::move(joined);
}

/// How large these are nobody knows: to where there is most room.
void Passes::add(Subjects fresh) {
    if (fresh.empty()) return;
    if (parts_.empty()) return parts_.push_back({.subjects = std::move(fresh), .bytes = most_});
    std::ranges::min_element(parts_, {}, &Part::bytes)->subjects.merge(fresh);
}

Passes::Subjects Passes::next() {
    return asked_ == parts_.size() ? Subjects{} : parts_[asked_++].subjects;
}

void Passes::fits(size_t bytes) {
    parts_[asked_ - 1].bytes = bytes;
    some_fit_ = true;
}

bool Passes::too_large(const aws::Failure& failure) {
    auto& asked = parts_[asked_ - 1];
    asked.bytes = most_;
    const bool is_alone = asked.subjects.size() == 1;
    if (!is_alone && divisions_ == kMostDivisions) return false;
    const auto part = std::move(asked);
    const auto next = parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(--asked_));
    if (is_alone)
        large_.insert_or_assign(*part.subjects.begin(), failure);
    else
        divide(part, part.is_first_half ? std::next(next) : next);
    return !is_alone;
}

/// The halves come `before`: after the other half of the whole that they are of, which may fit.
void Passes::divide(const Part& part, std::vector<Part>::iterator before) {
    ++divisions_;
    const auto& all = part.subjects;
    const auto middle = std::next(all.begin(), static_cast<std::ptrdiff_t>(all.size() / 2));
    parts_.insert(before, {{.subjects = {all.begin(), middle}, .bytes = most_, .is_first_half = true},
                           {.subjects = {middle, all.end()}, .bytes = most_}});
}

void Passes::begin_large() {
    for (const auto& subject : std::exchange(turn_, {}))
        parts_.push_back({.subjects = {subject}, .bytes = most_});
}

} // namespace bulkhead::resolve
