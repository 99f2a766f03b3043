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
    size_t node = 0;
    Address ip4;
    Address ip6;
    bool resident = false; // stays to the end
    Time born = Clock::now();
    uint64_t told = 0;    // the generation of the manifests that has it; 0 = none yet
    bool settled = false; // guarded, and known to both nodes
    std::atomic<bool> alive{true};

    const Address& address(uint8_t family) const { return family == BH_IPV4 ? ip4 : ip6; }
    std::string text() const {
        return name + "#" + std::to_string(incarnation) + " (" + ip4.text() + ", " + kNodeNames.at(node) + ")";
    }
};
using PodPtr = std::shared_ptr<Pod>;

inline Question question_of(const Pod& from, const Pod& to, Port port) {
    return {.from = from.ns, .to = to.ns, .port = port, .crosses = from.node != to.node};
}

} // namespace bulkhead::soak
