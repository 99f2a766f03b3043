// SPDX-License-Identifier: Apache-2.0
//
// One pod of the soak, from its creation to its end. The next one of its name, or at its address, is another.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/address.h"
#include "ledger.h"
#include "rules.h"
#include "support/netns.h"

namespace bulkhead::soak {

inline constexpr size_t kNodes = 2;
inline constexpr std::array<const char*, kNodes> kNodeNames{"node-a", "node-b"};

struct Pod {
    uint64_t incarnation = 0;
    size_t ns = 0;
    std::string name; // "shop/w3"
    std::string uid;
    size_t node = 0;
    Address ip4; // another one for each sandbox, until it started
    Address ip6;
    bool resident = false; // stays to the end
    Time born = Clock::now();
    uint64_t told = 0;                // the generation of the manifests that has its addresses; 0 = none yet
    std::atomic<bool> started{false}; // let in by the gate
    std::atomic<bool> settled{false}; // and known to both nodes
    std::atomic<bool> alive{true};

    const Address& address(uint8_t family) const { return family == BH_IPV4 ? ip4 : ip6; }
    std::string text() const {
        return name + "#" + std::to_string(incarnation) + " (" + ip4.text() + ", " + kNodeNames.at(node) + ")";
    }
};
using PodPtr = std::shared_ptr<Pod>;

/// Before both nodes know a pod, it speaks with its own node's: there its veth says who it is.
inline bool may_meet(const Pod& one, const Pod& other) {
    return one.node == other.node || (one.settled && other.settled);
}

inline Question question_of(const Pod& from, const Pod& to, Port port) {
    return {.from = from.ns, .to = to.ns, .port = port, .crosses = from.node != to.node};
}

} // namespace bulkhead::soak
