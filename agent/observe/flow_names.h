// SPDX-License-Identifier: Apache-2.0
//
// Gives an event the names of its ends, as they are now: a few look-ups for each, whatever the cluster's size. What is
// found is kept until forget(), which whoever changes the cluster state or what is compiled of it calls. One thread.
//
// An end at this node is the pod that the program named by its slot. What is refused is told up to a minute later, and
// the slot may be another pod's then: so it must have the device that the event names. Another end is whom its address
// belongs to, as long as that has the identity by which the program judged; behind NAT it hasn't, and only the
// identity's tenant and level are known.
#pragma once

#include <unordered_map>

#include "observe/party.h"
#include "observe/seen_flow.h"

namespace bulkhead::observe {

class FlowNames {
public:
    SeenFlow named(const bh_event& event, const Surroundings& here);
    void forget();

private:
    EndName at_this_node(const bh_event& event, const Surroundings& here);
    EndName in_slot(uint16_t slot, compile::IdentityId identity, const Surroundings& here);
    EndName at(const bh_addr& raw, uint8_t family, compile::IdentityId identity, const Surroundings& here);
    EndName behind(compile::IdentityId identity, const Surroundings& here);
    std::shared_ptr<const std::string> origin(uint32_t id, const Surroundings& here);

    struct Placed {
        compile::IdentityId identity = 0;
        EndName name;
    };
    std::unordered_map<uint64_t, EndName> by_slot_;  // and identity: an event may be from before it was known
    std::unordered_map<Address, Placed> by_address_; // of endpoints alone, which are bounded
    std::unordered_map<compile::IdentityId, EndName> by_identity_;
    std::unordered_map<uint32_t, std::shared_ptr<const std::string>> origins_;
};

} // namespace bulkhead::observe
