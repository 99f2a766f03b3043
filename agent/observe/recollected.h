// SPDX-License-Identifier: Apache-2.0
//
// Names for what a pod's flow memory has, on the loop's thread; the record that people get is made by whoever reads,
// since the memories of a node may hold a million of them. Pure.
#pragma once

#include "bulkhead/recollection.h"
#include "flow/conversation.h"
#include "observe/beginnings.h"
#include "observe/flow_names.h"

namespace bulkhead::observe {

struct Recollected {
    SeenFlow seen; // its time is when it was seen last
    bh_recollection told{};
    std::string peer_tenant;     // as in flow::Conversation
    bool has_own_address = true; // else which of the pod's addresses it is isn't known
};

/// Whose memory it is in.
struct Rememberer {
    uint16_t slot = 0;
    const bh_pod& pod;
};

Recollected recollected(const bh_recollection& told, const Rememberer& whose, FlowNames& names,
                        const Surroundings& here, flow::Time now);

flow::Conversation conversation_of(const Recollected& recollected, const std::string& node,
                                   const Beginnings& beginnings);

} // namespace bulkhead::observe
