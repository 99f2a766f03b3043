// SPDX-License-Identifier: Apache-2.0
//
// What happens to the cluster: levels and grants change, the source goes or can't be understood, the maps overflow.
// One turn at a time, and each is over when both nodes have what was written. Drives the population, too, and tells
// how things stand. On the main thread.
#pragma once

#include <functional>

#include "plan.h"
#include "population.h"

namespace bulkhead::soak {

class Director {
public:
    Director(Population::World world, Population& population, Rules& rules, const Plan& plan);

    /// Waits until both nodes have all that is written, and all pods are open.
    bool settle(test::Deadline deadline);
    /// Until its turns are done and `others_done`.
    void run(const std::function<bool()>& others_done);

private:
    using Switches = std::vector<std::pair<Rules::Switch, bool>>;

    bool everywhere(uint64_t generation) const;
    void begin(Turn turn);
    void flip_level();
    void flip_grant();
    void overflow_with_grants(Seconds time);
    void overflow_with_classes(Seconds time);
    void overflow(Crowd crowd, Rules::Switch full, Count count);
    void make_room(Crowd crowd, const std::string& map, const Switches& switches);
    void change(const Switches& switches);
    void later(Seconds time, std::function<void()> then);
    void tick();
    void report();

    Population::World world_;
    Population& population_;
    Rules& rules_;
    const Plan plan_;
    std::mt19937_64 random_;
    bool swing_protected_ = false;
    bool fickle_grants_ = false;
    uint64_t awaited_ = 0;       // a generation; 0 = none
    std::optional<Time> due_;    // what is waited for instead
    std::function<void()> next_; // what then happens; none = the turn is over
    Time reported_ = Clock::now();
    Time turn_begun_{};
};

} // namespace bulkhead::soak
