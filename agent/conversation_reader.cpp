// SPDX-License-Identifier: Apache-2.0
#include "conversation_reader.h"

#include <algorithm>

#include "agent.h"
#include "flow/stream.h"

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 5s; // with the loop

std::string broken(const std::string& why) {
    return flow::line_of(flow::to_json(flow::Broken{why}));
}

} // namespace

Result<flow::Query> parse_conversation_query(std::multimap<std::string, std::string> parameters, flow::Time now) {
    for (const char* name : {"last", "follow"})
        if (parameters.contains(name)) return fail(std::string(name) + ": conversations have no order, and end");
    if (auto limit = parameters.extract("limit"); !limit.empty()) {
        limit.key() = "last";
        parameters.insert(std::move(limit));
    }
    return flow::parse_query(parameters, now);
}

std::string ConversationReader::text_of(const ConversationPiece& piece) {
    std::string text;
    for (const auto& one : piece.conversations) {
        if (left_ && *left_ == 0) break;
        const auto conversation = observe::conversation_of(one, piece.node, beginnings_);
        if (!query_.matches(conversation.flow)) continue;
        text += flow::line_of(flow::to_json(conversation));
        if (left_) --*left_;
    }
    return text;
}

std::optional<std::string> ConversationReader::more() {
    if (!next_ || (left_ && *left_ == 0)) return std::nullopt;
    const auto read = [agent = agent_, place = *next_]() -> Result<ConversationPiece> {
        auto* one = agent();
        if (one == nullptr) return fail("the agent is starting, or ending");
        return one->recollect(place);
    };
    const auto piece = loop_.call(read, kPatience);
    next_.reset();
    if (!piece) return broken("the agent doesn't answer: it is busy or ending");
    if (!*piece) return broken(piece->error().text);
    next_ = (*piece)->next;
    auto text = text_of(**piece);
    if (text.empty() && next_) wake(); // others are served in between
    if (text.empty() && !next_) return std::nullopt;
    return text;
}

} // namespace bulkhead
