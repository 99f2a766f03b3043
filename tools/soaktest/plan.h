// SPDX-License-Identifier: Apache-2.0
//
// How much is done in a run of a given length: what twenty minutes hold, in proportion. Every order and every moment
// comes from the seed.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>
#include <vector>

namespace bulkhead::soak {

using Seconds = std::chrono::duration<double>;

/// What is done to an agent.
enum class Deed { kKill, kKillStarting, kRestart, kUpgrade, kStop, kStarve };

/// What is done to the cluster.
enum class Turn { kLevel, kGrant, kSourceGone, kSourceBroken, kManyAddresses, kManyGrants, kManyClasses };

struct Plan {
    uint64_t seed = 0;
    Seconds length{};
    bool quiet = false; // nothing is done to agents and cluster

    /// `whole` is what twenty minutes hold.
    size_t share(double whole) const {
        return std::max<size_t>(1, static_cast<size_t>(whole * length / Seconds(1200) + 0.5));
    }
    size_t pods() const { return share(1000); }
    size_t kills() const { return share(200); }
    size_t upgrades() const { return share(50); }
    /// Once each agent is stopped, and once starved, for this long; else for seconds.
    Seconds longest() const { return std::clamp(length / 20, Seconds(5), Seconds(60)); }

    /// Of one node of two, in the order in which they are done. A kill of one that starts is the second of two.
    std::vector<Deed> deeds(std::mt19937_64& random) const {
        std::vector<Deed> deeds;
        if (quiet) return deeds;
        const auto add = [&](Deed deed, size_t number) { deeds.insert(deeds.end(), number, deed); };
        const size_t kills = (this->kills() + 1) / 2;
        add(Deed::kKillStarting, kills / 4);
        add(Deed::kKill, kills - 2 * (kills / 4));
        add(Deed::kUpgrade, (upgrades() + 1) / 2);
        add(Deed::kRestart, share(10));
        add(Deed::kStop, share(6));
        add(Deed::kStarve, share(4));
        std::ranges::shuffle(deeds, random);
        return deeds;
    }

    std::vector<Turn> turns(std::mt19937_64& random) const {
        std::vector<Turn> turns;
        if (quiet) return turns;
        const auto add = [&](Turn turn, double number) { turns.insert(turns.end(), share(number), turn); };
        add(Turn::kLevel, 60);
        add(Turn::kGrant, 40);
        add(Turn::kSourceGone, 16);
        add(Turn::kSourceBroken, 16);
        add(Turn::kManyAddresses, 6);
        add(Turn::kManyGrants, 6);
        add(Turn::kManyClasses, 4);
        std::ranges::shuffle(turns, random);
        return turns;
    }
};

} // namespace bulkhead::soak
