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
        for (auto one = items_.begin(); one != items_.end();) {
            auto& [unnamed_for, is_named] = one->second;
            unnamed_for += elapsed;
            is_named = false;
            const bool is_over = !named.contains(one->first) && unnamed_for >= grace;
            one = is_over ? items_.erase(one) : std::next(one);
        }
        for (const auto& item : named)
            items_[item] = {};
    }

    std::set<T> all() const {
        std::set<T> all;
        for (const auto& [item, state] : items_)
            all.insert(item);
        return all;
    }

    /// Those that the last answer doesn't name.
    std::set<T> unnamed() const {
        std::set<T> unnamed;
        for (const auto& [item, state] : items_)
            if (!state.is_named) unnamed.insert(item);
        return unnamed;
    }

private:
    struct State {
        Milliseconds unnamed_for{0};
        bool is_named = true; // by the last answer
    };

    std::map<T, State> items_;
};

} // namespace bulkhead::resolve
