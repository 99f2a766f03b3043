// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl_agent.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

std::string line(size_t number) {
    return flow::recorded_flows().at(number - 1) + "\n";
}

/// The program asks this agent for flows with these flags.
std::string command(const std::string& socket, const std::string& flags) {
    return "bulkheadctl flows --socket " + socket + " " + flags;
}

ScriptedAgent::Script answer(const std::string& text) {
    return [text](int connection) { say(connection, text); };
}

} // namespace

TEST_CASE("what the agent remembers is asked for with every flag, and printed") {
    const Place place;
    const ScriptedAgent agent(place.file("sock"), [](int connection) {
        say(connection, kStreamHead);
        say_chunk(connection, line(1) + line(2).substr(0, 10)); // a line may come in pieces
        say_chunk(connection, line(2).substr(10));
        say_chunk(connection, "");
    });
    const auto ended = in_shell(command(place.file("sock"), "-o json --pod 'blog/w&b' --not --verdict allowed --all"));
    CHECK(ended.code == 0);
    CHECK(ended.output == line(1) + line(2));
    CHECK(agent.asked() == "GET /v1/flows?pod=blog%2Fw%26b&not-verdict=allowed HTTP/1.1");
}

TEST_CASE("how far back is asked for as it was meant") {
    struct Row {
        const char* flags;
        const char* asked;
    };
    static const Row kRows[] = {
        {"", "/v1/flows?last=20"},
        {"--all", "/v1/flows"},
        {"--last 5", "/v1/flows?last=5"},
        {"--since 2026-11-29T03:00:00Z", "/v1/flows?since=2026-11-29T03%3A00%3A00.000000000Z"},
        {"-f", "/v1/flows?follow=true"},
        {"-f --last 3", "/v1/flows?last=3&follow=true"},
        {"-f --all", "/v1/flows?since=1970-01-01T00%3A00%3A00.000000000Z&follow=true"},
        {"--ip fd00::/8 -6", "/v1/flows?ip=fd00%3A%3A%2F8&family=6&last=20"},
    };
    const Place place;
    const ScriptedAgent agent(place.file("sock"), answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    for (const auto& row : kRows) {
        CAPTURE(row.flags);
        in_shell(command(place.file("sock"), row.flags));
        CHECK(agent.asked() == std::string("GET ") + row.asked + " HTTP/1.1");
    }
}

TEST_CASE("whoever follows sees each flow as it comes, and ends well with Ctrl-C") {
    const Place place;
    const ScriptedAgent agent(place.file("sock"), [](int connection) {
        say(connection, kStreamHead);
        say_chunk(connection, line(1));
        wait_for_end(connection);
    });
    auto shell = start_shell("exec " + command(place.file("sock"), "-f"));
    CHECK(shell.wait_for_output("payments/ledger-0:5432 TCP SYN DENIED", after(20s)));
    shell.signal(SIGINT);
    CHECK(shell.wait(after(20s)) == 0);
}

TEST_CASE(
    "Ctrl-C: what came is written to its last line, one that hadn't come as a whole isn't, and a paused pager is no "
    "obstacle") {
    const Place place;
    std::string many;
    for (int i = 0; i < 400; ++i) // more than a pipe takes
        many += line(1);
    const ScriptedAgent agent(place.file("sock"), [&](int connection) {
        say(connection, kStreamHead);
        say_chunk(connection, many + line(2).substr(0, 100));
        wait_for_end(connection);
    });
    const auto follow = command(place.file("sock"), "-f -o json");
    const auto whole = in_shell(follow + " > " + place.file("out") + " & while [[ $(grep -c . " + place.file("out") +
                                ") -lt 400 ]]; do sleep 0.05; done; kill -INT $!; wait $!");
    CHECK(whole.code == 0);
    CHECK(whole.output.empty()); // no complaint
    CHECK(place.read("out") == many);
    // Whoever takes it up again soon enough gets the rest of what had been read.
    const auto late =
        in_shell("mkfifo " + place.file("pipe") + "; (exec 3<" + place.file("pipe") + "; until [[ -e " +
                 place.file("go") + " ]]; do sleep 0.01; done; exec cat <&3) > " + place.file("late") + " & (exec " +
                 follow + ") > " + place.file("pipe") + " & pid=$!; sleep 0.5; kill -INT $pid; touch " +
                 place.file("go") + "; wait $pid; code=$?; wait; exit $code");
    CHECK(late.code == 0);
    const auto rest = place.read("late");
    CHECK((rest.size() > (64 << 10) && rest.ends_with("}\n") && many.starts_with(rest)));
    const auto paused = in_shell("mkfifo " + place.file("never") + "; exec 3<>" + place.file("never") + "; (exec " +
                                 follow + ") >&3 & sleep 0.5; kill -INT $!; wait $!");
    CHECK(paused.code == 0);
}

TEST_CASE("whoever follows ends when its reader has gone, also while no flow comes") {
    const Place place;
    const ScriptedAgent agent(place.file("sock"), [](int connection) {
        say(connection, kStreamHead);
        say_chunk(connection, line(1));
        wait_for_end(connection);
    });
    const auto ended = in_shell(command(place.file("sock"), "-f -o json") + " | head -n 1");
    CHECK(ended.code == 0);
    CHECK(ended.output == line(1));
}

TEST_CASE("why a stream has ended is told, and the exit code says so") {
    struct Row {
        const char* name;
        std::string flags;
        std::string answer;
        int code;
        const char* error;
    };
    const auto chunk = [](const std::string& text) {
        std::ostringstream out;
        out << std::hex << text.size() << "\r\n" << text << "\r\n";
        return out.str();
    };
    const std::string begun = kStreamHead + chunk(line(1));
    const Row rows[] = {
        {"the agent dies", "-f", begun, 5, "has gone while it answered: "},
        {"the agent dies within a history", "--all", begun, 5, "has gone while it answered: "},
        {"the agent cuts it off", "-f", begun + chunk("{\"error\":\"the reader is too slow\"}\n") + "0\r\n\r\n", 5,
         "the agent has ended the stream: the reader is too slow\n"},
        {"the agent stops", "-f", begun + "0\r\n\r\n", 5, "the agent has ended the stream: it stops\n"},
        {"the agent refuses", "-f",
         "HTTP/1.1 400 Bad Request\r\nContent-Length: 26\r\n\r\n{\"error\":\"no \\u001b such\"}", 4,
         "bulkheadctl: no \\x1b such\n"},
        {"the agent says nothing", "", "", 3, "no agent answers at "},
        {"something else answers", "", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n", 1,
         "the agent's answer:1: is not JSON: column 1\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Place place;
        const ScriptedAgent agent(place.file("sock"), answer(row.answer));
        const auto ended = in_shell(command(place.file("sock"), row.flags));
        CAPTURE(ended.output);
        CHECK(ended.code == row.code);
        CHECK(ended.output.find(row.error) != std::string::npos);
        if (row.answer.starts_with(begun)) CHECK(ended.output.find("blog/web-7f:41812 -> ") != std::string::npos);
    }
    CHECK(in_shell(command("/nowhere/agent.sock", "")).code == 3);
}

TEST_CASE("what can't be written is an error") {
    const Place place;
    const auto file = place.write("flows.json", line(1));
    const auto ended = in_shell("bulkheadctl flows --input-file " + file + " 2>&1 >/dev/full");
    CHECK(ended.code == 1);
    CHECK(ended.output == "bulkheadctl: write: No space left on device\n");
}
