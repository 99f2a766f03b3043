// SPDX-License-Identifier: Apache-2.0
//
// Answers of several nodes become one.
#include <catch2/catch_test_macros.hpp>

#include "bulkheadctl/merge.h"
#include "bulkheadctl/newest.h"
#include "bulkheadctl/nodes_text.h"
#include "bulkheadctl/time_merge.h"

namespace bulkhead::ctl {
namespace {

using namespace std::chrono_literals;
using MergedTexts = std::vector<std::string>;

constexpr TimeMerge::Clock::time_point kMergeStart{};

flow::Time merge_moment(int seconds) {
    return flow::Time(std::chrono::seconds(seconds));
}

MergedTexts texts_of(const std::vector<TimeMerge::Line>& lines) {
    MergedTexts texts;
    for (const auto& line : lines)
        texts.push_back(line.text);
    return texts;
}

TEST_CASE("lines come in the order of their times, whichever stream is ahead") {
    TimeMerge merge(2, std::nullopt);
    merge.add(0, merge_moment(1), "a1", kMergeStart);
    merge.add(0, merge_moment(4), "a4", kMergeStart);
    CHECK(texts_of(merge.take(kMergeStart)).empty()); // the other one may have an older one
    merge.add(1, merge_moment(2), "b2", kMergeStart);
    merge.add(1, merge_moment(3), "b3", kMergeStart);
    CHECK(texts_of(merge.take(kMergeStart)) == MergedTexts{"a1", "b2", "b3"});
    merge.end(1);
    CHECK(texts_of(merge.take(kMergeStart)) == MergedTexts{"a4"});
}

TEST_CASE("what has no time stays behind the line before it") {
    TimeMerge merge(2, std::nullopt);
    merge.add(0, merge_moment(5), "a5", kMergeStart);
    merge.add(0, std::nullopt, "lost", kMergeStart);
    merge.add(1, merge_moment(6), "b6", kMergeStart);
    merge.end(0);
    merge.end(1);
    CHECK(texts_of(merge.take(kMergeStart)) == MergedTexts{"a5", "lost", "b6"});
}

TEST_CASE("who follows waits for a silent stream no longer than its patience") {
    TimeMerge merge(2, 1s);
    merge.add(0, merge_moment(1), "a1", kMergeStart);
    CHECK(texts_of(merge.take(kMergeStart + 900ms)).empty());
    CHECK(texts_of(merge.take(kMergeStart + 1s)) == MergedTexts{"a1"});
}

TEST_CASE("who is through with its past isn't waited for while that of others is merged, and is from then on") {
    TimeMerge merge(2, std::nullopt);
    merge.add(0, merge_moment(1), "a1", kMergeStart);
    merge.add(1, merge_moment(2), "b2", kMergeStart);
    merge.end_past(0);
    CHECK(texts_of(merge.take(kMergeStart)) == MergedTexts{"a1", "b2"});
    merge.add(0, merge_moment(3), "a3", kMergeStart, TimeMerge::Kind::kNews);
    CHECK(texts_of(merge.take(kMergeStart + 5s)).empty()); // b may have more of its past
    merge.go_on(1s, kMergeStart + 5s);
    CHECK(texts_of(merge.take(kMergeStart + 5s)).empty());
    CHECK(texts_of(merge.take(kMergeStart + 6s)) == MergedTexts{"a3"});
}

TEST_CASE("of the newest so many, notices and what comes don't count, none is left out, and all keep their order") {
    MergedTexts given;
    Newest newest(2, [&](const std::string& line) { given.push_back(line); });
    newest.add("notice 1", false);
    CHECK(given == MergedTexts{"notice 1"}); // nothing before it is kept
    for (const char* line : {"a", "b"})
        newest.add(line, true);
    newest.add("notice 2", false);
    newest.add("c", true);
    CHECK(given.size() == 1);
    newest.add("d", true);
    CHECK(given == MergedTexts{"notice 1", "notice 2"});
    newest.add("new", false);
    newest.finish();
    CHECK(given == MergedTexts{"notice 1", "notice 2", "c", "d", "new"});

    Newest none(0, [&](const std::string& line) { given.push_back(line); });
    given.clear();
    none.add("a", true);
    none.add("notice", false);
    CHECK(given == MergedTexts{"notice"});
}

TEST_CASE("a stream that is ahead has to wait") {
    TimeMerge merge(2, std::nullopt);
    for (int i = 0; i < 1000; ++i) {
        CHECK(merge.wants(0));
        merge.add(0, merge_moment(i), "a", kMergeStart);
    }
    CHECK_FALSE(merge.wants(0));
    CHECK(merge.wants(1));
    merge.end(1);
    merge.take(kMergeStart);
    CHECK(merge.wants(0));
}

TEST_CASE("a stream that is ahead has to wait when its lines are long, be they few") {
    TimeMerge merge(2, std::nullopt);
    const std::string line(300'000, 'x');
    for (int i = 0; i < 4; ++i) {
        CHECK(merge.wants(0));
        merge.add(0, merge_moment(i), line, kMergeStart);
    }
    CHECK_FALSE(merge.wants(0));
    merge.end(1);
    merge.take(kMergeStart);
    CHECK(merge.wants(0));
}

TEST_CASE("of more notices than fit behind a line that may be left out the rest goes on at once") {
    size_t given = 0;
    Newest newest(1, [&](const std::string&) { ++given; });
    newest.add("flow", true);
    const std::string notice(1 << 20, 'n');
    for (int i = 0; i < 4; ++i)
        newest.add(notice, false);
    CHECK(given == 0);
    newest.add("one more", false);
    CHECK(given == 1);
    newest.add("newer flow", true); // the notices' turn
    CHECK(given == 5);
    newest.add(notice, false);
    CHECK(given == 5);
}

Json an_edge(const std::string& from, uint64_t count, const std::string& first, const std::string& last) {
    return {{"source", {{"kind", "pod"}, {"namespace", from}}},
            {"destination", {{"kind", "pod"}, {"namespace", "payments"}}},
            {"protocol", "TCP"},
            {"port", 443},
            {"verdict", "denied"},
            {"count", count},
            {"first", first},
            {"last", last}};
}

TEST_CASE("edges that several nodes saw are one, with what all of them saw") {
    auto labelled = an_edge("blog", 2, "2026-11-29T03:00:00.000000000Z", "2026-11-29T03:00:09.000000000Z");
    labelled["source"]["labels"] = {{"app", "web"}};
    labelled["source"]["tenant"] = "ns/blog";
    const auto all =
        merged("/v1/edges",
               {{"a",
                 {{"edges", {an_edge("blog", 3, "2026-11-29T03:00:05.000000000Z", "2026-11-29T03:00:06.000000000Z")}},
                  {"limit", 10},
                  {"refused", 1}}},
                {"b", {{"edges", {labelled, an_edge("shop", 7, "x", "y")}}, {"limit", 10}, {"refused", 2}}}});
    REQUIRE(all["edges"].size() == 2);
    const auto& blog = all["edges"][0];
    CHECK(blog["count"] == 5);
    CHECK(blog["first"] == "2026-11-29T03:00:00.000000000Z");
    CHECK(blog["last"] == "2026-11-29T03:00:09.000000000Z");
    CHECK(blog["source"]["labels"]["app"] == "web");
    CHECK(all["edges"][1]["count"] == 7);
    CHECK(all["refused"] == 3);
    CHECK(all["limit"] == 20);
}

TEST_CASE("reason, tenants and level of a merged edge are those of the node that saw it last") {
    auto early = an_edge("blog", 3, "2026-11-29T03:00:00.000000000Z", "2026-11-29T03:00:06.000000000Z");
    early["reason"] = "granted";
    early["source"]["tenant"] = "blog";
    early["destination"]["tenant"] = "payments";
    early["destination"]["level"] = "protected";
    early["destination"]["labels"] = {{"app", "api"}};
    auto late = an_edge("blog", 3, "2026-11-29T03:00:00.000000000Z", "2026-11-29T03:00:09.000000000Z");
    late["reason"] = "open";
    late["source"]["tenant"] = "ns/blog";
    for (const bool is_late_first : {false, true}) {
        CAPTURE(is_late_first);
        const auto all = merged("/v1/edges", {{"a", {{"edges", {is_late_first ? late : early}}}},
                                              {"b", {{"edges", {is_late_first ? early : late}}}}});
        REQUIRE(all["edges"].size() == 1);
        const auto& edge = all["edges"][0];
        CHECK(edge["reason"] == "open");
        CHECK(edge["source"]["tenant"] == "ns/blog");
        CHECK_FALSE(edge["destination"].contains("tenant"));
        CHECK_FALSE(edge["destination"].contains("level"));
        CHECK(edge["destination"]["labels"]["app"] == "api"); // which doesn't depend on when it was
        CHECK(edge["last"] == "2026-11-29T03:00:09.000000000Z");
        CHECK(edge["count"] == 6);
    }
}

TEST_CASE("what a node sent to its own pods keeps apart from what it sent to others', and says which node it was") {
    auto probe = an_edge("", 2, "a", "b");
    probe["source"] = {{"kind", "host"}, {"name", "node-a"}};
    const auto all =
        merged("/v1/edges", {{"node-a", {{"node", "node-a"}, {"edges", {probe, an_edge("blog", 1, "a", "b")}}}},
                             {"node-b", {{"node", "node-b"}, {"edges", {probe}}}},
                             {"node-c", {{"node", "node-c"}, {"edges", {probe}}}}});
    REQUIRE(all["edges"].size() == 3);
    CHECK(all["edges"][0]["node"] == "node-a");
    CHECK(all["edges"][0]["count"] == 2);
    CHECK_FALSE(all["edges"][1].contains("node"));
    CHECK_FALSE(all["edges"][2].contains("node"));
    CHECK(all["edges"][2]["count"] == 4);
}

TEST_CASE("plans add up, and so does what matrices say was seen") {
    const auto loss = an_edge("blog", 1, "a", "b");
    const auto plan = merged("/v1/plan", {{"a", {{"namespaces", {"p"}}, {"kept", 2}, {"losses", {loss}}}},
                                          {"b", {{"namespaces", {"p"}}, {"kept", 3}, {"losses", {loss}}}}});
    CHECK(plan["kept"] == 5);
    REQUIRE(plan["losses"].size() == 1);
    CHECK(plan["losses"][0]["count"] == 2);

    const Json cell{{"source", "x"}, {"destination", "y"}, {"says", "refuses"}};
    auto seen = cell;
    seen["seen"] = {{"allowed", 1}, {"audit", 0}, {"denied", 4}};
    const auto matrix = merged("/v1/matrix", {{"a", {{"tenants", {"x"}}, {"cells", {cell}}}},
                                              {"b", {{"tenants", {"x", "y"}}, {"cells", {seen}}}},
                                              {"c", {{"tenants", {"y"}}, {"cells", {seen}}}}});
    CHECK(matrix["tenants"] == Json{"x", "y"});
    REQUIRE(matrix["cells"].size() == 1);
    CHECK(matrix["cells"][0]["seen"]["denied"] == 8);
    CHECK(matrix["cells"][0]["seen"]["allowed"] == 2);
}

TEST_CASE("other answers keep apart, and each is shown below its node; an explanation where it is judged") {
    const auto apart = merged("/v1/tenants", {{"a", {{"t", 1}}}, {"b", {{"t", 2}}}});
    CHECK(apart["nodes"]["b"]["t"] == 2);
    const auto print = [](const Json& json, Width) { return json.dump() + "\n"; };
    CHECK(nodes_text(NodesForm::kEach, apart, print, 80) == "a:\n{\"t\":1}\n\nb:\n{\"t\":2}\n");
    const Json here{{"verdict", "deny"}, {"judge", {{"node", "b"}}}};
    const Json elsewhere{{"verdict", "judged elsewhere"}, {"judge", {{"node", "b"}}}};
    const auto text = nodes_text(NodesForm::kJudges, {{"nodes", {{"a", elsewhere}, {"b", here}}}}, print, 80);
    CHECK(text.find("a:") == std::string::npos);
    CHECK(text.find("b:\n") == 0);
}

} // namespace
} // namespace bulkhead::ctl
