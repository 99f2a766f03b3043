// SPDX-License-Identifier: Apache-2.0
//
// Several nodes' flows as one stream while one of them is slow, silent, or talks without end.
#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "bulkheadctl/node_lines.h"
#include "flow/time.h"
#include "flow_recorded.h"

namespace bulkhead::ctl {
namespace {

using namespace std::chrono_literals;

constexpr size_t kQuick = 0, kOdd = 1;

/// A line as an agent has it, `second` seconds after what was recorded.
std::string flow_line(int second) {
    auto json = flow::Json::parse(flow::recorded_flows().front());
    json["time"] = json["first"] = flow::rfc3339_nano(flow::Time(std::chrono::seconds(1'700'000'000 + second)));
    return json.dump() + "\n";
}

const std::string kTimeless = "{\"lost\":7,\"because\":\"x\"}\n";
const std::string kPastIsTold = "\n";

/// Two nodes that are followed, and a clock that goes when it is told to.
struct Followed {
    NodeLines::Clock::time_point now{};
    std::vector<std::string> given;
    Taker taker{.bytes = [this](std::string_view line) { given.emplace_back(line); }, .enough = {}, .wakes = {}};
    NodeLines lines;

    explicit Followed(Query query = {})
        : lines({"quick", "odd"}, true, following(std::move(query)), taker, [this] { return now; }) {}

    static Query following(Query query) {
        query.emplace_back("follow", "true");
        return query;
    }

    /// As Crowd does: a look every 100 ms, `meanwhile` each second.
    void pass(
        std::chrono::seconds length, const std::function<void()>& meanwhile = [] {}) {
        for (const auto end = now + length; now < end;) {
            for (int i = 0; i < 10; ++i) {
                now += 100ms;
                lines.give();
            }
            meanwhile();
        }
    }
};

TEST_CASE("a node that talks and talks, but never of a flow, keeps the others' past back for half a minute at most") {
    Followed all;
    all.lines.feed(kQuick, flow_line(1) + flow_line(2) + kPastIsTold);
    const auto talk = [&] { all.lines.feed(kOdd, kTimeless); };
    talk();
    all.pass(28s, talk);
    CHECK(std::ranges::count(all.given, flow_line(1)) == 0);
    all.pass(4s, talk);
    CHECK(std::ranges::count(all.given, flow_line(1)) == 1);
    CHECK(std::ranges::count(all.given, flow_line(2)) == 1);
}

TEST_CASE("a node may pause for some seconds in the middle of its past, and its flows are still in their places") {
    Followed all;
    all.lines.feed(kQuick, flow_line(2) + kPastIsTold);
    all.lines.feed(kOdd, flow_line(1));
    all.pass(4s);
    all.lines.feed(kOdd, flow_line(3));
    all.pass(4s);
    all.lines.feed(kOdd, flow_line(4) + kPastIsTold);
    CHECK(all.given == std::vector{flow_line(1), flow_line(2), flow_line(3), flow_line(4)});
}

TEST_CASE("a node that has to wait for another one isn't taken for a silent one") {
    Followed all(Query{{"last", "2"}});
    int second = 0;
    while (all.lines.wants(kQuick))
        all.lines.feed(kQuick, flow_line(++second));
    all.pass(10s, [&] { // the other one says nothing, and after some seconds isn't waited for any more
        if (all.lines.wants(kQuick)) all.lines.feed(kQuick, flow_line(++second));
    });
    CHECK(second > 1000);
    CHECK(all.given.empty());
    all.lines.feed(kQuick, kPastIsTold);
    CHECK(all.given == std::vector{flow_line(second - 1), flow_line(second)});
}

TEST_CASE("the time that a reader takes isn't counted as the nodes'") {
    Followed all;
    all.taker.bytes = [&](std::string_view line) {
        all.given.emplace_back(line);
        all.now += 1min; // a pager
    };
    for (int second = 1; second <= 40; ++second) {
        all.lines.feed(kOdd, flow_line(100 + second));
        all.lines.feed(kQuick, flow_line(second));
    }
    all.lines.feed(kOdd, flow_line(141) + kPastIsTold);
    all.lines.feed(kQuick, kPastIsTold);
    CHECK(all.given.size() == 81);
    CHECK(std::ranges::is_sorted(all.given));
}

} // namespace
} // namespace bulkhead::ctl
