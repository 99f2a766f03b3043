// SPDX-License-Identifier: Apache-2.0
//
// Which problem an Event tells of next. What only the platform writes comes first: Tenants and AWSResources. Then the
// namespaces have a turn each, and of each only some problems are told at all: so a tenant's thousands of broken
// objects hold up nobody else's. What AWS or DNS doesn't answer has such a turn too, since one cause may concern every
// AWSResource, and so has what they answer again. One thread.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "state/objects.h"

namespace bulkhead::controller {

class EventQueue {
public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr size_t kMostOfNamespace = 50;
    static constexpr std::chrono::seconds kFirstPause{5};
    static constexpr std::chrono::seconds kLongestPause{3'600};

    /// All that there are, from now on. Those that were put off stay so.
    void set_problems(const std::vector<state::Problem>& problems);

    /// nullptr: nothing is due before wakes_at().
    const state::Problem* next(Time now) const;

    /// It is being told: the turn is the next namespace's.
    void begin(const state::Problem& problem);

    void put_off(const state::Problem& problem, Time until);

    /// It couldn't be told: others first, and it again after a pause that gets longer each time.
    void fail(const state::Problem& problem, Time now);

    /// Some couldn't be told when they were due last.
    bool any_failed() const;

    std::optional<Time> wakes_at() const;

private:
    struct Turn {
        Time due{};                    // not to be told before
        std::chrono::seconds pause{0}; // since it failed; 0: it didn't
    };
    using Due = std::map<state::Problem, Turn>;

    Due* find(const std::string& ns, const state::Problem& problem);

    std::map<std::string, Due> by_namespace_; // "" = of what only the platform writes; or of look-ups
    std::string last_;                        // whose turn it was
};

} // namespace bulkhead::controller
