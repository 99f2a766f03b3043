// SPDX-License-Identifier: Apache-2.0
//
// What is measured: for each situation the hook, the packets, what the program remembers before they
// come, how they must be judged, and what they may cost.
#pragma once

#include <string>
#include <vector>

#include "bulkhead/parse.h"
#include "scene.h"
#include "wire.h"

namespace bulkhead::bench {

enum class Hook : uint8_t { kToPod, kFromPod, kUplink };

/// What the flow memory holds when a packet comes.
enum class Memory : uint8_t {
    kEmpty,        // nothing that concerns it
    kConversation, // this conversation, by its first packet, of the same direction
    kPodFirst,     // this conversation, by the pod's SYN
    kMakesEntry,   // nothing, and there is room for it
    kEvicts,       // nothing, and every place is taken
    kSockets,      // there is no table, but the pod's socket
};

enum class Events : uint8_t { kUnlimited, kAtTheLimit };

inline constexpr double kUnbounded = 0;

struct Situation {
    std::string name;
    double bound = kUnbounded; // times the floor
    Hook hook = Hook::kToPod;
    uint8_t protocol = BH_TCP;
    uint8_t tcp_flags = BH_TCP_ACK;
    Relation relation = Relation::kAnyToOpen;
    Server server = Server::kPod;
    uint16_t server_port = 8080;
    Memory memory = Memory::kEmpty;
    Ask ask = Ask::kNothing;
    Events events = Events::kUnlimited;
    bh_reason expected = BH_REASON_OPEN; // BH_REASON_COUNT: this hook is not the judge

    Wire wire(uint8_t family) const { return {.family = family, .protocol = protocol, .tcp_flags = tcp_flags}; }
    bool is_new_each_time() const { return memory == Memory::kMakesEntry || memory == Memory::kEvicts; }
};

const std::vector<Situation>& situations();

/// The packets of `conversations` as `hook` sees them.
std::vector<bench_packet> packets_at(Hook hook, const std::vector<Conversation>& conversations, uint8_t family);

} // namespace bulkhead::bench
