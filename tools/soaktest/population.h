// SPDX-License-Identifier: Apache-2.0
//
// The pods: wired by podnet, told in the manifests, and part of the traffic once their node guards them and both nodes
// know them (which is what the CNI gate waits for). Some stay to the end, the others come and go; addresses and names
// go to the next ones, mostly at once, and often before or long after the manifests say so. One thread makes and
// removes pods, another settles them.
#pragma once

#include <random>

#include "manifests.h"
#include "node.h"
#include "traffic.h"
#include "wiring.h"

namespace bulkhead::soak {

class Population {
public:
    struct World {
        std::string net; // podnet's
        Wiring& wiring;
        Manifests& manifests;
        std::vector<std::unique_ptr<Node>>& nodes;
        Traffic& traffic;
        Ledger& ledger;
    };

    Population(World world, uint64_t seed);

    /// One pod on each node for each namespace, that stay.
    Result<> settle_in();
    /// One pod more, and, once there are enough, one less.
    Result<> turn_over();
    /// Opens those that both nodes know by now; removes from the manifests what was gone before.
    void tend();
    /// Nobody still waits to be opened.
    bool is_calm() const;
    size_t size() const;

private:
    struct Slot {
        int number = 0;
        Time freed{};
        size_t ns = kNamespaces.size(); // who had it last; none
    };
    struct Late {
        Time at;
        PodPtr pod;
    };

    Result<> create(size_t ns, size_t node, bool resident);
    Result<> remove(const PodPtr& pod);
    Slot take_slot();
    std::string free_name(size_t ns) const;
    PodPtr next_to_go();
    size_t random(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }

    World world_;
    std::mt19937_64 random_; // of the thread that makes and removes
    uint64_t incarnations_ = 0;
    std::vector<Slot> free_;   // who was freed last is last
    mutable std::mutex mutex_; // of what follows
    std::vector<PodPtr> pods_;
    std::vector<Late> late_;
};

} // namespace bulkhead::soak
