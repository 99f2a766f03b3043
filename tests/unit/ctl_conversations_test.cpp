// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <sstream>

#include "bulkheadctl/conversations.h"
#include "flow_recorded.h"

namespace bulkhead::ctl {
namespace {

using namespace std::chrono_literals;

flow::Conversation remembered(size_t number, std::chrono::seconds idle, std::chrono::seconds expires) {
    return {.flow = flow::recorded_flow(number),
            .is_judged = true,
            .progress = flow::Progress::kAnswered,
            .age = 2 * idle,
            .idle = idle,
            .expires = expires,
            .peer_tenant = "shop"};
}

TEST_CASE("conversations: lengths are told by their two largest units") {
    CHECK(length_text(0s) == "0s");
    CHECK(length_text(59s) == "59s");
    CHECK(length_text(61s) == "1m 1s");
    CHECK(length_text(120s) == "2m");
    CHECK(length_text(3600s + 59s) == "1h");
    CHECK(length_text(std::chrono::days(5)) == "5d");
    CHECK(length_text(std::chrono::hours(51)) == "2d 3h");
}

TEST_CASE("conversations: a row has both names, what it has come to, and when it is forgotten") {
    ConversationTable table(true, false, 120);
    table.add(remembered(2, 3s, std::chrono::days(4)));
    auto old = remembered(1, 61s, 0s);
    old.age.reset();
    table.add(old);
    const auto text = table.take();
    CHECK(text.find("AGE  IDLE") == 0);
    CHECK(text.find("6s   3s     4d       TCP       answered  ALLOWED  shop/cart-1:50000  payments/ledger-0:5432\n") !=
          std::string::npos);
    CHECK(text.find("-    1m 1s  over     TCP       answered  DENIED   blog/web-7f:41812  payments/ledger-0:5432\n") !=
          std::string::npos);
    table.add(remembered(2, 3s, 9s));
    CHECK(table.take().find("IDLE") == std::string::npos); // the headers are there
}

TEST_CASE("conversations: long names go on below in a narrow terminal, none is cut") {
    auto conversation = remembered(2, 3s, 9s);
    conversation.flow.source.name = std::string(40, 's');
    conversation.flow.destination.name = std::string(60, 'd');
    ConversationTable table(true, false, 80);
    table.add(conversation);
    const auto text = table.take();
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        CHECK(line.size() <= 80);
    CHECK(std::ranges::count(text, 's') >= 40);
    CHECK(std::ranges::count(text, 'd') >= 60);
}

TEST_CASE("conversations: what is written is read again as it was") {
    auto conversation = remembered(2, 3s, 9s);
    conversation.flow.packets = conversation.flow.bytes = 0;
    conversation.flow.origin.clear();
    conversation.flow.tcp_flags = 0;
    conversation.flow.first = conversation.flow.time;
    const auto json = flow::to_json(conversation);
    for (const char* field : {"packets", "bytes", "first", "time"})
        CHECK_FALSE(json.contains(field)); // nobody counts them
    CHECK(json["ageSeconds"] == 6);
    CHECK(json["idleSeconds"] == 3);
    CHECK(json["expiresInSeconds"] == 9);
    CHECK(json["state"] == "answered");
    const auto again = flow::parse_conversation(json);
    REQUIRE(again);
    CHECK(*again == conversation);
    conversation.age.reset();
    CHECK_FALSE(flow::to_json(conversation).contains("ageSeconds"));
    CHECK(flow::parse_conversation(flow::to_json(conversation)) == conversation);
    auto broken = json;
    broken["state"] = "odd";
    CHECK(flow::parse_conversation(broken).error().text.find("state") == 0);
    CHECK_FALSE(flow::parse_conversation(flow::Json("text")));
}

} // namespace
} // namespace bulkhead::ctl
