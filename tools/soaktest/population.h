// SPDX-License-Identifier: Apache-2.0
//
// The pods: wired by podnet, started when the CNI gate lets them in, and part of all the traffic once both nodes know
// them. Whom it doesn't let in is made anew, as the kubelet does. Some stay to the end, the others come and go;
// addresses and names go to the next ones, mostly at once, and often before or long after the manifests say so. One
// thread makes and removes pods, another sees to those at the gate.
#pragma once

#include <list>
#include <random>

#include "manifests.h"
#include "node.h"
#include "sandbox.h"
#include "traffic.h"
#include "wiring.h"

namespace bulkhead::soak {

class Population {
public:
    struct World {
        const Gate& gate;
        Wiring& wiring;
        Manifests& manifests;
        std::vector<std::unique_ptr<Node>>& nodes;
        Traffic& traffic;
        Ledger& ledger;
    };

    Population(World world, uint64_t seed);

    /// One pod on each node for each namespace, that stay.
    Result<> settle_in();
    /// One pod more, and as many less as there are too many.
    Result<> turn_over();
    /// Asks how it went at the gate, and at the nodes; removes from the manifests what was gone before.
    void tend();
    /// All are part of all the traffic.
    bool is_calm() const;
    size_t size() const;
    Clock::duration longest_wait() const { return Clock::duration(longest_wait_.load()); }

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
    /// When the manifests tell of it: before the CNI, but not its address; both; or after the CNI. Its address comes
    /// last, when its sandbox is ready, unless it came first.
    enum Order : size_t { kBefore, kBeforeWithAddress, kAfter, kOrders };
    struct Guest {
        PodPtr pod;
        Order order = kBefore;
        std::chrono::seconds patience{}; // of one ADD
        std::optional<Sandbox> sandbox{};
        bool has_address = false;
        size_t tries = 0;
        Time first{}; // ADD
        Time again{}; // when it is made anew, if there is no sandbox
    };

    Result<> create(size_t ns, size_t node, bool resident);
    Result<> remove(const PodPtr& pod);
    Result<> make_sandbox(Guest& guest);
    Result<> remove_sandbox(Guest& guest);
    void see_to(Guest& guest);
    void let_in(Guest& guest);
    void turn_away(Guest& guest);
    void remove_overdue();
    void settle_known();
    void tell(const PodPtr& pod);

    void take_slot(Guest& guest);
    void give_slot(Guest& guest);
    std::string free_name(size_t ns) const;
    PodPtr next_to_go();
    size_t random(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }

    World world_;
    std::atomic<Clock::rep> longest_wait_{0};
    std::mutex making_; // of what makes and removes: the wiring, and what follows
    std::mt19937_64 random_;
    uint64_t incarnations_ = 0;
    std::vector<Slot> free_; // who was freed last is last
    std::list<Guest> guests_;
    mutable std::mutex mutex_; // of what follows; taken last
    std::vector<PodPtr> pods_;
    std::vector<Late> late_;
};

} // namespace bulkhead::soak
