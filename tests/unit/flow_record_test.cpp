// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "flow/stream.h"
#include "flow_recorded.h"

using namespace bulkhead;
using namespace bulkhead::flow;

namespace {

/// The first recorded flow with one value replaced.
Json changed(const char* pointer, const Json& value) {
    auto json = Json::parse(recorded_flows().front());
    json[Json::json_pointer(pointer)] = value;
    return json;
}

} // namespace

TEST_CASE("a flow record is written as it was read, to the letter") {
    for (const auto& line : recorded_flows()) {
        CAPTURE(line);
        const auto record = parse(Json::parse(line));
        REQUIRE(record);
        CHECK(line_of(to_json(*record)) == line + "\n");
    }
}

TEST_CASE("a flow record's fields arrive where they belong") {
    const auto record = recorded_flow(1);
    CHECK(record.time.time_since_epoch().count() == 1'795'953'784'123'456'789);
    CHECK(record.node == "node-a");
    CHECK(record.direction == BH_INGRESS);
    CHECK(record.verdict == BH_VERDICT_DENY);
    CHECK(record.reason == BH_REASON_NOT_GRANTED);
    CHECK(record.source.address == Address::parse("10.0.1.10").value());
    CHECK(record.source.port == 41812);
    CHECK(record.source.ns == "blog");
    CHECK(record.source.workload == Workload{"Deployment", "web"});
    CHECK(record.source.labels.at("tier") == "front");
    CHECK_FALSE(record.source.is_protected);
    CHECK(record.destination.name == "ledger-0");
    CHECK(record.destination.is_protected);
    CHECK(record.protocol == BH_TCP);
    CHECK(record.tcp_flags == 2);
    CHECK(recorded_flow(2).origin == "AccessGrant payments/for-shop");
    CHECK(recorded_flow(4).icmp_type == 128);
    CHECK_FALSE(recorded_flow(6).source.has_address());
}

TEST_CASE("what is wrong with a flow record is told with its place") {
    struct Row {
        const char* pointer;
        Json value;
        const char* error;
    };
    static const Row kRows[] = {
        {"/time", "yesterday", "time: \"yesterday\" is not a time like 2026-11-29T03:04:05.123Z, from 1970 on"},
        {"/time", "1969-12-31T23:59:59Z", "time: \"1969-12-31T23:59:59Z\" is not a time like"},
        {"/time", "2300-01-01T00:00:00Z", "time: \"2300-01-01T00:00:00Z\" is not a time like"},
        {"/time", nullptr, "time: is missing"},
        {"/first", "2026-11-29T12:03:05Z", "first: is after time"},
        {"/direction", "sideways", "direction: \"sideways\" is not ingress or egress"},
        {"/verdict", "maybe", "verdict: \"maybe\" is not allowed, audit or denied"},
        {"/reason", "weather", "reason: \"weather\" is not self, confined, open"},
        {"/line", 10, "line: 10 is not a whole number between 1 and 9"},
        {"/source", 5, "source: is not an object"},
        {"/source", nullptr, "source: is missing"},
        {"/source/port", 70000, "source.port: 70000 is not a whole number between 0 and 65535"},
        {"/source/port", -1, "source.port: -1 is not a whole number"},
        {"/source/port", "http", "source.port: \"http\" is not a whole number"},
        {"/source/port", 80.5, "source.port: 80.5 is not a whole number"},
        {"/source/address", "10.0.0.256", "source.address: \"10.0.0.256\" is not an IP address"},
        {"/source/kind", "cloud", "source.kind: \"cloud\" is not pod, host"},
        {"/source/pod", 7, "source.pod: 7 is not a text"},
        {"/source/workload", "web", "source.workload: is not an object"},
        {"/source/workload/name", true, "source.workload.name: true is not a text"},
        {"/source/labels/app", 7, "source.labels.app: 7 is not a text"},
        {"/source/labels", "app", "source.labels: is not an object"},
        {"/destination/level", "high", "destination.level: \"high\" is not protected or non-protected"},
        {"/protocol", "carrier pigeon", "protocol: \"carrier pigeon\" is no protocol"},
        {"/tcpFlags", "SYN", "tcpFlags: is not a list"},
        {"/tcpFlags", {"SYN", "SYM"}, "tcpFlags: \"SYM\" is not one of"},
        {"/icmp", {{"type", 256}, {"code", 0}}, "icmp.type: 256 is not a whole number between 0 and 255"},
        {"/packets", -3, "packets: -3 is not a whole number"},
    };
    for (const auto& row : kRows) {
        CAPTURE(row.pointer, row.error);
        const auto record = parse(changed(row.pointer, row.value));
        REQUIRE_FALSE(record);
        CHECK(record.error().text.starts_with(row.error));
    }
    CHECK_FALSE(parse(Json::array()));
}

TEST_CASE("a newer agent's fields are no trouble") {
    auto json = changed("/colour", "blue");
    json["source"]["cluster"] = "east";
    CHECK(parse(json).value() == recorded_flow(1));
}

TEST_CASE("whatever a packet may carry as its address can be read again") {
    auto record = recorded_flow(1);
    record.source.address =
        Address{.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, .family = BH_IPV6};
    CHECK(parse(to_json(record)).value() == record);
    record.protocol = 47;
    record.tcp_flags = 0;
    CHECK(parse(to_json(record)).value() == record);
}

TEST_CASE("a stream's notices are told from its records") {
    const Lost lost{.count = 12, .because = "the rate limit", .node = "node-a"};
    CHECK(std::get<Lost>(parse_line(to_json(lost)).value()) == lost);
    CHECK_FALSE(to_json(lost).contains("unit"));
    const Lost untold{.count = 12, .because = "a storm", .packets = true};
    CHECK(std::get<Lost>(parse_line(to_json(untold)).value()) == untold);
    CHECK_FALSE(parse_line(Json{{"lost", 12U}, {"unit", 5}}));
    CHECK(std::get<Lost>(parse_line(Json{{"lost", 12U}, {"because", "x"}}).value()) == Lost{12, "x"}); // an older agent
    const auto broken = to_json(Broken{"too slow"});
    CHECK(std::get<Broken>(parse_line(broken).value()) == Broken{"too slow"});
    CHECK(std::get<Record>(parse_line(to_json(recorded_flow(1))).value()) == recorded_flow(1));
    CHECK_FALSE(parse_line(Json{{"lost", "many"}}));
    const Forgotten forgotten{.what = "refused", .before = recorded_flow(1).time, .node = "node-a"};
    CHECK(std::get<Forgotten>(parse_line(to_json(forgotten)).value()) == forgotten);
    CHECK_FALSE(parse_line(Json{{"forgotten", "allowed"}}));
    CHECK_FALSE(parse_line(Json{{"forgotten", "allowed"}, {"before", "yesterday"}}));
    CHECK_FALSE(parse_line(Json{{"error", 5}}));
    CHECK_FALSE(parse_line(Json{{"lost", 12U}, {"node", 5}}));
    const Json newer{{"slowed", 3}, {"node", "node-a"}}; // of a newer agent
    CHECK(std::get<Unknown>(parse_line(newer).value()) == Unknown{newer});
    CHECK_FALSE(parse_line(Json{{"edges", Json::array()}})); // something else
    CHECK_FALSE(parse_line(Json::object()));
    CHECK_FALSE(parse_line(Json{{"verdict", "denied"}})); // a record that is broken
}

TEST_CASE("a line is one line of ASCII, whatever a name has in it") {
    auto record = recorded_flow(1);
    record.source.name = "a\nb\x1b]0;x\x07\xc2\x9b\xe2\x80\xae\xff";
    const auto line = line_of(to_json(record));
    CHECK(line.find('\n') == line.size() - 1);
    for (const char c : line.substr(0, line.size() - 1))
        CHECK((c >= 0x20 && c < 0x7f));
}
