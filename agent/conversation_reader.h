// SPDX-License-Identifier: Apache-2.0
//
// One answer to /v1/conversations: the pods' flow memories, read while somebody reads, so that a million entries are
// nowhere at once. The loop's thread is asked for some hundreds at a time, since it alone has the names; they become
// text on the server's thread. What is written meanwhile may be there or not.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/body.h"
#include "base/loop.h"
#include "flow/query.h"
#include "observe/recollected.h"

namespace bulkhead {

class Agent;

/// Where to go on reading.
struct ConversationPlace {
    uint16_t slot = 0;
    uint32_t set = 0;
};

struct ConversationPiece {
    std::vector<observe::Recollected> conversations;
    std::string node;
    std::optional<ConversationPlace> next; // nothing: that was all
};

/// Filters, `since` and `until` (when it was seen last), and `limit`, which becomes the query's `last`.
Result<flow::Query> parse_conversation_query(std::multimap<std::string, std::string> parameters, flow::Time now);

class ConversationReader final : public api::Body {
public:
    ConversationReader(Loop& loop, std::function<Agent*()> agent, flow::Query query, observe::Beginnings beginnings)
        : loop_(loop), agent_(std::move(agent)), query_(std::move(query)), beginnings_(std::move(beginnings)),
          left_(query_.last) {}

    std::optional<std::string> more() override;

private:
    std::string text_of(const ConversationPiece& piece);

    Loop& loop_;
    std::function<Agent*()> agent_; // called on the loop's thread
    flow::Query query_;
    const observe::Beginnings beginnings_; // of what had begun when it was asked for
    std::optional<size_t> left_;           // to tell; nothing = all
    std::optional<ConversationPlace> next_ = ConversationPlace{};
};

} // namespace bulkhead
