// SPDX-License-Identifier: Apache-2.0
//
// What the pods' flow memories have, piece by piece: each takes the loop a few milliseconds at most.
#include "agent.h"

#include "datapath/recollect.h"
#include "flow/time.h"

namespace bulkhead {

namespace {

// Of one piece; whichever comes first.
constexpr size_t kMostConversations = 500;
constexpr int kMostRuns = 64; // of the program that reads: as many sets as a pod has unless somebody says otherwise

} // namespace

Result<ConversationPiece> Agent::recollect(ConversationPlace place) {
    const auto& pods = compiler_->desired().pods;
    ConversationPiece piece{.conversations = {}, .node = options_.node_name, .next = {}};
    const auto now = flow::now();
    auto pod = pods.lower_bound(place.slot);
    if (pod != pods.end() && pod->first != place.slot) place.set = 0;
    for (int run = 0; pod != pods.end(); ++run) {
        place.slot = pod->first;
        if (run == kMostRuns || piece.conversations.size() >= kMostConversations) {
            piece.next = place;
            break;
        }
        const auto told = datapath::recollect(kernel_->programs(), place.slot, place.set);
        if (!told) return tl::unexpected(told.error());
        // Another pod has come into this slot, and the kernel doesn't know yet, or we.
        if (told->generation == pod->second.generation)
            for (const auto& one : told->conversations)
                piece.conversations.push_back(observe::recollected(one, {.slot = place.slot, .pod = pod->second},
                                                                   flow_names_, surroundings(), now));
        place.set = told->next;
        if (place.set == 0) ++pod;
    }
    return piece;
}

} // namespace bulkhead
