// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "bulkheadctl/colour.h"
#include "bulkheadctl/flow_text.h"
#include "flow_recorded.h"

using namespace bulkhead;
using namespace bulkhead::ctl;
using flow::recorded_flow;

namespace {

std::string compact(const flow::Record& record, const FlowStyle& style = {}) {
    return compact_text(printable_copy(record), style, 1000);
}

std::string table(size_t width, const std::vector<flow::Record>& records, bool colour = false) {
    FlowTable table(colour, width);
    for (const auto& record : records)
        table.add(printable_copy(record), {});
    return table.take();
}

size_t widest(const std::string& text) {
    std::istringstream lines(text);
    size_t width = 0;
    for (std::string line; std::getline(lines, line);)
        width = std::max(width, line.size());
    return width;
}

flow::Record with_long_names() {
    auto record = recorded_flow(1);
    record.source.name = "checkout-" + std::string(40, 'c') + "-5d8f7c9b6-x2x9k";
    record.destination.name = "ledger-" + std::string(40, 'l') + "-0";
    record.destination.tenant = "capsule/" + std::string(60, 't');
    return record;
}

flow::Record with_hostile_names() {
    const std::string name = "a\x1b[31m\nb\xe2\x80\xae";
    auto record = recorded_flow(1);
    record.node = record.origin = name;
    for (auto* end : {&record.source, &record.destination}) {
        end->ns = end->name = end->tenant = end->workload.kind = end->workload.name = name;
        end->labels = {{name, name}};
    }
    return record;
}

} // namespace

TEST_CASE("a flow reads like a sentence") {
    static const std::vector<std::pair<size_t, const char*>> kRows{
        {1,
         "12:03:04.123 blog/web-7f:41812 -> payments/ledger-0:5432 TCP SYN DENIED not-granted (non-protected blog -> "
         "protected payments)\n"},
        {2, "12:03:05.000 shop/cart-1:50000 -> payments/ledger-0:5432 TCP SYN ALLOWED granted by AccessGrant "
            "payments/for-shop (protected shop -> protected payments) x2\n"},
        {3, "12:03:10.000 shop/cart-1:5353 -> aurora:3306 UDP AUDIT audit (protected shop -> protected payments) x3 in "
            "3.2s\n"},
        {4,
         "12:04:00.000 2001:db8::1 -> blog/web-7f ICMPv6 echo-request ALLOWED open (world -> non-protected blog) x4\n"},
        {5,
         "12:05:00.000 node-a:33000 -> payments/ledger-0:8443 TCP SYN ALLOWED local-host (host -> protected payments) "
         "x5\n"},
        {6, "12:06:00.000 blog/web-7f -> unknown DENIED ethertype (non-protected blog -> unknown) x6\n"},
    };
    for (const auto& [number, text] : kRows)
        CHECK(compact(recorded_flow(number)) == text);
}

TEST_CASE("a sentence that is too long goes on below, between words, in its colours") {
    const auto text = compact_text(printable_copy(recorded_flow(1)), {}, 80);
    CHECK(text == "12:03:04.123 blog/web-7f:41812 -> payments/ledger-0:5432 TCP SYN DENIED\n"
                  "             not-granted (non-protected blog -> protected payments)\n");
    const auto coloured = compact_text(printable_copy(recorded_flow(1)), {.colour = true}, 80);
    CHECK(coloured.find("\x1b[1;31mDENIED\x1b[0m\n             not-granted \x1b[2m(") != std::string::npos);
    CHECK(compact_text(printable_copy(recorded_flow(1)), {.colour = true}, 40)
              .find("blog ->\x1b[0m\n  \x1b[2mprotected") != std::string::npos); // each line has its colours for itself
}

TEST_CASE("without names a flow has addresses, and IPv6 ones in brackets before a port") {
    auto record = recorded_flow(1);
    CHECK(compact(record, {.names = false}).starts_with("12:03:04.123 10.0.1.10:41812 -> 10.0.1.30:5432 TCP"));
    record.source.address = Address::parse("fd00::10").value();
    CHECK(compact(record, {.names = false}).starts_with("12:03:04.123 [fd00::10]:41812 -> "));
    record.source.name.clear();
    CHECK(compact(record).starts_with("12:03:04.123 [fd00::10]:41812 -> "));
    CHECK(compact(recorded_flow(4), {.names = false}).starts_with("12:04:00.000 2001:db8::1 -> fd00::10 ICMPv6"));
    CHECK(compact(recorded_flow(6), {.names = false}).starts_with("12:06:00.000 blog/web-7f -> unknown DENIED"));
}

TEST_CASE("colours are there if they are wanted, and only then") {
    CHECK(compact(recorded_flow(1), {.colour = true}).find("\x1b[1;31mDENIED\x1b[0m") != std::string::npos);
    CHECK(compact(recorded_flow(2), {.colour = true}).find("\x1b[32mALLOWED\x1b[0m") != std::string::npos);
    CHECK(compact(recorded_flow(3), {.colour = true}).find("\x1b[1;33mAUDIT\x1b[0m") != std::string::npos);
    CHECK(compact(recorded_flow(1)).find('\x1b') == std::string::npos);
    CHECK(table(80, {recorded_flow(1)}).find('\x1b') == std::string::npos);
    CHECK(table(80, {recorded_flow(1)}, true).find("\x1b[1;31mDENIED") != std::string::npos);

    CHECK(wants_colour("auto", true, nullptr, "xterm"));
    CHECK(wants_colour("auto", true, "", "xterm"));
    CHECK_FALSE(wants_colour("auto", true, "1", "xterm"));
    CHECK_FALSE(wants_colour("auto", false, nullptr, "xterm"));
    CHECK_FALSE(wants_colour("auto", true, nullptr, "dumb"));
    CHECK(wants_colour("always", false, "1", "dumb"));
    CHECK_FALSE(wants_colour("never", true, nullptr, "xterm"));
}

TEST_CASE("a table of flows fits the terminal, however long the names are") {
    for (const size_t width : {80, 120, 200}) {
        const auto text = table(width, {recorded_flow(1), recorded_flow(2), with_long_names(), recorded_flow(4)});
        CAPTURE(width, text);
        CHECK(widest(text) <= width);
        CHECK(text.starts_with("TIME          SOURCE"));
    }
}

TEST_CASE("nothing of a name is lost where a table wraps it") {
    const auto text = table(80, {with_long_names()});
    CHECK(std::ranges::count(text, 'c') >= 40);
    CHECK(std::ranges::count(text, 'l') >= 40);
    CHECK(std::ranges::count(text, '\n') > 5);
}

TEST_CASE("a table's columns grow with what comes, and its headers come once") {
    FlowTable table(false, 1000);
    table.add(recorded_flow(5), {});
    const auto first = table.take();
    CHECK(first.starts_with("TIME          SOURCE        DESTINATION"));
    table.add(recorded_flow(1), {});
    const auto second = table.take();
    CHECK(second.starts_with("12:03:04.123  blog/web-7f:41812  payments/ledger-0:5432  TCP SYN  DENIED   not-granted"));
    CHECK(table.take().empty());
}

TEST_CASE("field by field a flow has everything that is known of it") {
    const auto text = dict_text(recorded_flow(2), {}, 80);
    for (const char* part :
         {"shop/cart-1:50000", "10.0.2.11", "pod, protected shop", "of Deployment cart", "app=cart",
          "line 8, granted: ", "AccessGrant payments/for-shop", "ingress", "node-a", "TCP SYN", "148"}) {
        CAPTURE(part, text);
        CHECK(text.find(part) != std::string::npos);
    }
    CHECK(widest(text) <= 80);
    CHECK(text.ends_with("\n\n"));
}

TEST_CASE("no name of a flow reaches the terminal as an escape sequence or a line of its own") {
    const auto record = with_hostile_names();
    const auto line = compact(record);
    CHECK(std::ranges::count(line, '\n') == 1);
    for (const auto& text : {line, table(200, {record}), dict_text(printable_copy(record), {}, 80)}) {
        CAPTURE(text);
        CHECK(text.find('\x1b') == std::string::npos);
        CHECK(text.find("\xe2\x80\xae") == std::string::npos);
        CHECK(text.find("\\x1b[31m\\x0a") != std::string::npos);
    }
}
