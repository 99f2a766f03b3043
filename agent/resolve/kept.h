// SPDX-License-Identifier: Apache-2.0
//
// What one question's answers named over time. An answer adds what it names at once; what it doesn't name stays for the
// grace time, counted from one answer to the next, so that an outage takes nothing away. (What DNS names has rules of
// its own besides: dns::KeptAddresses.) Pure.
#pragma once

#include <chrono>
#include <map>
#include <set>

namespace bulkhead::resolve {

using Milliseconds = std::chrono::milliseconds;

template <typename T>
class Kept {
public:
    /// `elapsed` since the answer before, of which nothing failed meanwhile.
    void take(const std::set<T>& named, Milliseconds elapsed, Milliseconds grace) {
        for (auto one = unnamed_for_.begin(); one != unnamed_for_.end();) {
            one->second += elapsed;
            const bool is_over = !named.contains(one->first) && one->second >= grace;
            one = is_over ? unnamed_for_.erase(one) : std::next(one);
        }
        for (const auto& item : named)
            unnamed_for_[item] = Milliseconds(0);
    }

    std::set<T> all() const {
        std::set<T> items;
        for (const auto& [item, unnamed_for] : unnamed_for_)
            items.insert(item);
        return items;
    }

private:
    std::map<T, Milliseconds> unnamed_for_; // 0 = the last answer names it
};

} // namespace bulkhead::resolve
