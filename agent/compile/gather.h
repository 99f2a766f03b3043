// SPDX-License-Identifier: Apache-2.0
//
// The look-ups that a kernel program makes for a packet, made in Desired: what the kernel would answer
// once it has these maps. For bulkheadctl's offline answers and for tests.
#pragma once

#include "bulkhead/verdict.h"
#include "compile/desired.h"

namespace bulkhead::compile {

struct Packet {
    Address src;
    Address dst;
    uint8_t protocol = BH_TCP;
    uint16_t port = 0;        // host order; 0 where the protocol has none
    bool local_host = false;  // made by dst's own node itself
    bool src_is_local = true; // judged where the source lives
    state::Time now{};
};

/// Endpoints, else the longest prefix, else BH_IDENTITY_WORLD.
IdentityId identity_of(const Desired& desired, const Address& address);

/// The identity as it counts at that time: until an override of its tenant, or of everybody, is over, in audit mode.
bh_identity identity_row(const Desired& desired, IdentityId id, state::Time now);

bh_question gather(const Desired& desired, const Packet& packet);

bh_reason judge(const Desired& desired, const Packet& packet);

} // namespace bulkhead::compile
