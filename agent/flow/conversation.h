// SPDX-License-Identifier: Apache-2.0
//
// A conversation that a pod's flow memory has: what /v1/conversations streams and bulkheadctl prints. docs/flows.md
// describes its JSON. Values; no threads.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "flow/record.h"

namespace bulkhead::flow {

/// How far it has come. Of what has no connections only whether it was answered is known.
enum class Progress : uint8_t { kUnanswered, kAnswered, kClosing, kClosed, kReset };

struct Conversation {
    /// Time and first: when it was seen last. Verdict and reason: what the rule says of its first packet now, by what
    /// this node knows, since the memory itself keeps none. Packets and bytes are 0: nobody counts them.
    Record flow;
    bool is_judged = true; // else verdict and reason say nothing
    Progress progress = Progress::kUnanswered;
    std::optional<std::chrono::seconds>
        age{};                      // since its first packet; nothing: the agent has no flow of that any more
    std::chrono::seconds idle{};    // since it was seen last
    std::chrono::seconds expires{}; // from now, if nothing comes; 0 = its place is free for another one
    std::string peer_tenant;        // of the end that isn't this pod, as it was when the conversation began

    bool operator==(const Conversation&) const = default;
};

const char* label_of(Progress progress);

Json to_json(const Conversation& conversation);

/// What to_json() made; an error says which field is wrong and why.
Result<Conversation> parse_conversation(const Json& json);

} // namespace bulkhead::flow
