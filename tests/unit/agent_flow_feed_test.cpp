// SPDX-License-Identifier: Apache-2.0
//
// What a reader of flows is told beside the flows: what isn't remembered any more, and that the agent is there.
#include <chrono>
#include <sstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include "flow_feed.h"

namespace bulkhead {
namespace {

using namespace std::chrono_literals;

observe::SeenFlow seen(bh_verdict verdict, flow::Time time) {
    observe::SeenFlow flow{.event = {}, .source = {}, .destination = {}, .origin = {}};
    flow.event.verdict = verdict;
    flow.event.time = flow.event.first = static_cast<uint64_t>(time.time_since_epoch().count());
    return flow;
}

struct Told {
    std::vector<flow::Forgotten> forgotten;
    size_t flows = 0;
};

/// All that there is to read. Notices come before the first flow.
Told told(FlowFeed& feed, const flow::Query& query) {
    const auto reader = feed.read(query);
    REQUIRE(reader);
    std::string text;
    while (const auto more = (*reader)->more())
        text += *more;
    Told told;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto parsed = flow::parse_line(flow::Json::parse(line));
        REQUIRE(parsed);
        if (const auto* forgotten = std::get_if<flow::Forgotten>(&*parsed)) {
            CHECK(told.flows == 0);
            told.forgotten.push_back(*forgotten);
        } else {
            ++told.flows;
        }
    }
    return told;
}

flow::Query query_of(const std::multimap<std::string, std::string>& parameters) {
    return flow::parse_query(parameters, flow::now()).value();
}

TEST_CASE("flow feed: whoever asks for more than is remembered is told since when it is") {
    FlowFeed feed({.flows = 4, .bytes = 1 << 20}, "node-a");
    const auto start = flow::now() + 1s;
    feed.add(seen(BH_VERDICT_DENY, start));
    for (int i = 1; i <= 5; ++i)
        feed.add(seen(BH_VERDICT_ALLOW, start + i * 1s));
    const auto all = told(feed, {});
    CHECK(all.flows == 4);
    REQUIRE(all.forgotten.size() == 1); // the denial is there
    CHECK(all.forgotten[0] == flow::Forgotten{.what = "allowed", .before = start + 2s + 1ns, .node = "node-a"});
    CHECK(told(feed, query_of({{"verdict", "denied"}})).forgotten.empty());
    CHECK(told(feed, query_of({{"last", "3"}})).forgotten.empty());     // what is forgotten was before these
    CHECK(told(feed, query_of({{"last", "4"}})).forgotten.size() == 1); // the denial was before what is forgotten
    CHECK(told(feed, query_of({{"last", "5"}})).forgotten.size() == 1);
    CHECK(told(feed, query_of({{"last", "0"}})).forgotten.empty());
    auto since = flow::Query{};
    since.since = start + 2s + 1ns;
    CHECK(told(feed, since).forgotten.empty());
    since.since = start + 2s; // the moment itself is asked for
    CHECK(told(feed, since).forgotten.size() == 1);
}

TEST_CASE("flow feed: what was before the agent began is missed by whoever says since when, and by nobody else") {
    FlowFeed feed({.flows = 4, .bytes = 1 << 20}, "node-a");
    CHECK(told(feed, {}).forgotten.empty());
    CHECK(told(feed, query_of({{"since", "10m"}})).forgotten.size() == 2); // allowed ones and refused ones
    CHECK(told(feed, query_of({{"since", "10m"}, {"not-verdict", "allowed"}})).forgotten.size() == 1);
}

TEST_CASE("flow feed: an agent that is to remember nothing says so to whoever asks for the past") {
    FlowFeed feed({.flows = 0, .bytes = 1 << 20}, "node-a");
    CHECK(told(feed, {}).forgotten.empty()); // nothing came
    const auto time = flow::now() + 1s;
    feed.add(seen(BH_VERDICT_DENY, time));
    const flow::Forgotten refused{.what = "refused", .before = time + 1ns, .node = "node-a"};
    CHECK(told(feed, {}).forgotten == std::vector{refused});
    auto since = flow::Query{};
    since.since = time;
    CHECK(told(feed, since).forgotten == std::vector{refused});
}

TEST_CASE("flow feed: who follows gets what is remembered, a mark where it ends, and what comes, each once") {
    FlowFeed feed({.flows = 4, .bytes = 1 << 20}, "node-a");
    const auto start = flow::now() - 10s;
    const auto add = [&](int second) { feed.add(seen(BH_VERDICT_DENY, start + second * 1s)); };
    for (const int second : {1, 2, 3})
        add(second);
    const auto reader = feed.read(query_of({{"follow", "true"}, {"last", "2"}})).value();
    add(4);
    feed.add(flow::Lost{.count = 5, .because = "a test"});
    add(5);
    feed.flush(); // before the past is told
    std::string text;
    for (std::string piece = "-"; !piece.empty(); text += piece)
        piece = reader->more().value();
    std::vector<std::string> told;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto json = line.empty() ? flow::Json() : flow::Json::parse(line);
        told.push_back(line.empty()            ? "mark"
                       : json.contains("lost") ? "lost of " + json["node"].get<std::string>()
                                               : json["time"].get<std::string>());
    }
    const auto at = [&](int second) { return flow::rfc3339_nano(start + second * 1s); };
    CHECK(told == std::vector<std::string>{at(2), at(3), "mark", at(4), "lost of node-a", at(5)});
}

TEST_CASE("flow feed: who follows hears of the agent, though nothing comes that is wanted") {
    FlowFeed feed({.flows = 4, .bytes = 1 << 20}, "node-a");
    const auto reader = feed.read(query_of({{"follow", "true"}, {"verdict", "denied"}})).value();
    CHECK(reader->more() == "\n"); // from the first moment on
    CHECK(reader->more() == "");
    const auto begin = std::chrono::steady_clock::now();
    std::optional<std::string> more;
    while (more.value_or("").empty() && std::chrono::steady_clock::now() - begin < 20s) {
        feed.add(seen(BH_VERDICT_ALLOW, flow::now()));
        feed.flush();
        feed.look_after_readers();
        more = reader->more();
        std::this_thread::sleep_for(50ms);
    }
    CHECK(more == "\n");
    CHECK(std::chrono::steady_clock::now() - begin >= 5s);
}

} // namespace
} // namespace bulkhead
