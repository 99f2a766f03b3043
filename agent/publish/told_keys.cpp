// SPDX-License-Identifier: Apache-2.0
#include "publish/told_keys.h"

#include <algorithm>

namespace bulkhead::publish {

namespace {

using namespace std::chrono_literals;
using Duration = ToldKeys::Time::duration;

constexpr auto kSpreadOfNode = 50ms; // so many nodes, so many times that, until all have taken up a new key
constexpr int kPause = 4;            // spreads, between two changes
constexpr auto kStay = 1h;           // of keys that no selector names any more

} // namespace

bool ToldKeys::take(const Keys& named, Time now) {
    keys_ = named;
    taken_ = true;
    last_ = now;
    asked_.reset();
    due_.reset();
    return true;
}

bool ToldKeys::update(const Keys& named, size_t nodes, Time now) {
    if (!taken_) return take(named, now);
    const bool is_less = std::ranges::includes(keys_, named);
    if (is_less)
        asked_.reset();
    else if (!asked_)
        asked_ = now;
    due_.reset();
    if (named == keys_) return false;
    const auto spread = static_cast<int64_t>(nodes) * kSpreadOfNode;
    const auto share = std::chrono::duration_cast<Duration>(spread * place_);
    const auto at = is_less ? last_ + kStay + share : std::max(*asked_, last_ + kPause * spread) + share;
    if (now >= at) return take(named, now);
    due_ = at;
    return false;
}

} // namespace bulkhead::publish
