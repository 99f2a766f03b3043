// SPDX-License-Identifier: Apache-2.0
//
// The end of an explanation: of what is refused, or would be outside audit mode, what to write so that it passes. Pure.
#pragma once

#include "bulkhead/reasons.h"
#include "observe/packet.h"
#include "observe/party.h"

namespace bulkhead::observe {

/// A first packet that was judged, and by which identities.
struct Judged {
    const Party& src;
    const Party& dst;
    compile::IdentityId src_identity = 0;
    compile::IdentityId dst_identity = 0;
    FirstPacket packet;
    bh_reason reason = BH_REASON_OPEN;
    bool local_socket = false; // made by this node itself
};

/// [{"line", "anyOf": [{"object", "field", "yaml", "note"}], "instead"}], all of which are needed. Empty: nothing is.
Json would_allow(const Judged& judged, const Surroundings& here);

} // namespace bulkhead::observe
