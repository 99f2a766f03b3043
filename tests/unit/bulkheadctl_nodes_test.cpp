// SPDX-License-Identifier: Apache-2.0
//
// Many nodes at once: what stands for kubectl is a script, and says what each test has the nodes' agents say.
#include <filesystem>
#include <sstream>

#include "bulkheadctl_agent.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

/// A kubectl that finds agent-a on node-a and so on, in the order of `scripts`, and runs a node's script when it is
/// asked to exec there.
class Kubectl {
public:
    explicit Kubectl(const std::vector<std::string>& scripts) {
        std::string items;
        std::string cases;
        for (size_t i = 0; i < scripts.size(); ++i) {
            const auto letter = std::string(1, static_cast<char>('a' + i));
            items += (i == 0 ? "" : ",") + std::string(R"({"metadata":{"name":"agent-)") + letter +
                     R"("},"spec":{"nodeName":"node-)" + letter + R"("}})";
            cases += "'exec agent-" + letter + "')\n" + scripts[i] + "\n;;\n";
        }
        const auto path =
            place_.write("kubectl", "#!/bin/bash\nshift\ncase \"$1 $2\" in\n'get pods') echo '{\"items\":[" + items +
                                        "]}' ;;\n" + cases + "*) exit 8 ;;\nesac\n");
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }

    /// A line for the shell, in which this kubectl is found.
    std::string with(const std::string& line) const { return "PATH=" + place_.file("") + ":$PATH; " + line; }

private:
    Place place_;
};

const std::string kFlow = "echo '" + flow::recorded_flows().at(0) + "'\n";
const std::string kBeats = "while sleep 0.2; do echo; done";
const std::string kRefuses = "echo 'bulkheadctl: not now' >&2; exit 4";

/// The same at another second of the time it was.
std::string flow_at(int second) {
    auto flow = flow::Json::parse(flow::recorded_flows().at(0));
    flow["time"] = flow["first"] = "2026-11-29T12:00:0" + std::to_string(second) + "Z";
    return "echo '" + flow.dump() + "'\n";
}

size_t occurrences(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

/// The seconds of flow_at(), and notices by their first field and their node.
std::vector<std::string> told_in(const std::string& text) {
    std::vector<std::string> told;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line) && !lines.eof();) {
        const auto json = flow::Json::parse(line);
        const bool is_flow = json.contains("verdict");
        told.push_back(is_flow ? json["time"].get<std::string>().substr(18, 1)
                               : json.begin().key() + " of " + json["node"].get<std::string>());
    }
    return told;
}

uint64_t reads_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/io");
    for (std::string name; file >> name;) {
        uint64_t value = 0;
        file >> value;
        if (name == "syscr:") return value;
    }
    SKIP("this kernel doesn't count reads");
    return 0;
}

} // namespace

TEST_CASE("nodes that are followed: one that ends is named at once, with its reason") {
    struct Row {
        const char* name;
        std::string script;
        const char* told;
    };
    const Row rows[] = {
        {"it stops", kFlow, "bulkheadctl: node-b: its agent has ended the stream: it stops\n"},
        {"it cuts us off", kFlow + R"(echo '{"error":"the reader is too slow"}')",
         "bulkheadctl: node-b: the reader is too slow\n"},
        {"it can't be reached", kRefuses, "bulkheadctl: node-b: not now\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Kubectl kubectl({kFlow + kBeats, row.script});
        auto shell = start_shell(kubectl.with("exec bulkheadctl --all-nodes flows -f"));
        CHECK(shell.wait_for_output(row.told, after(20s)));
        shell.signal(SIGINT);
        CHECK(shell.wait(after(20s)) == 6);
    }
}

TEST_CASE("nodes that are followed: one that falls silent is named, one that only has nothing to tell isn't") {
    const Kubectl kubectl({kBeats, kFlow + "exec sleep 100"});
    auto shell = start_shell(kubectl.with("exec bulkheadctl --all-nodes --node-timeout 2 flows -f -o json"));
    CHECK(shell.wait_for_output("bulkheadctl: node-b: has said nothing for 2 s; still waiting for it\n", after(20s)));
    shell.signal(SIGINT);
    CHECK(shell.wait(after(20s)) == 6);
    CHECK(shell.output().find("bulkheadctl: node-a") == std::string::npos);
    CHECK(shell.output().find("\n\n") == std::string::npos); // nobody is shown what keeps a stream alive
}

TEST_CASE("nodes that are followed: one that was silent is named once more when it is back") {
    const Kubectl kubectl({kBeats, kFlow + "sleep 3.5; " + kBeats});
    auto shell = start_shell(kubectl.with("exec bulkheadctl --all-nodes --node-timeout 2 flows -f -o json"));
    CHECK(shell.wait_for_output("bulkheadctl: node-b: answers again\n", after(20s)));
    shell.signal(SIGINT);
    CHECK(shell.wait(after(20s)) == 0); // nobody is missing
    CHECK(occurrences(shell.output(), "has said nothing for 2 s") == 1);
    CHECK(occurrences(shell.output(), "answers again") == 1);
}

TEST_CASE("nodes that are followed: a reader who pauses is the one who is silent, and misses nothing") {
    const Kubectl kubectl({kFlow + kFlow + "sleep 0.5; for i in {1..300}; do " + kFlow + " done; " + kBeats, kBeats});
    // Not a pipeline, of which something would stay when the shell is ended.
    auto shell = start_shell(kubectl.with("exec bulkheadctl --all-nodes --node-timeout 1 flows -f --all -o json "
                                          "> >(sleep 4; exec cat)"));
    CHECK(wait_until([&] { return occurrences(shell.output(), "\"packets\"") == 302; }, after(20s), 20ms));
    CHECK(occurrences(shell.output(), "bulkheadctl:") == 0);
}

TEST_CASE("nodes: every notice names its node, keeps its place, and is there once") {
    const std::string lost = R"(echo '{"lost":7,"because":"x"}')"
                             "\n";
    const std::string forgotten = R"(echo '{"forgotten":"allowed","before":"2026-11-29T12:00:00Z","node":"node-b"}')"
                                  "\n";
    const std::string newer = R"(echo '{"slowed":3}')"
                              "\n";
    const Kubectl kubectl({flow_at(1) + lost + flow_at(5), forgotten + flow_at(3) + newer + flow_at(4)});
    const auto told = [&](const std::string& flags, const std::vector<std::string>& expected) {
        const auto ended = in_shell(kubectl.with("bulkheadctl --all-nodes flows -o json " + flags));
        CHECK(ended.code == 0);
        CHECK(told_in(ended.output) == expected);
    };
    const std::string before = "forgotten of node-b", within = "lost of node-a", after = "slowed of node-b";
    told("--all", {before, "1", within, "3", after, "4", "5"});
    told("--last 2", {before, within, after, "4", "5"});
    told("--last 3", {before, within, "3", after, "4", "5"});
}

TEST_CASE("nodes that are followed: the past first, of all together, then what comes, without a gap and each once") {
    const std::string mark = "echo\n";
    const Kubectl kubectl({flow_at(1) + flow_at(4) + mark + flow_at(6) + kBeats,
                           "sleep 1.5\n" + flow_at(2) + flow_at(3) + mark + flow_at(5) + kBeats});
    const auto first = [&](const char* flags, const std::vector<std::string>& expected) {
        auto shell = start_shell(kubectl.with(std::string("exec bulkheadctl --all-nodes flows -f -o json ") + flags));
        CHECK(wait_until([&] { return told_in(shell.output()).size() == expected.size(); }, after(20s), 20ms));
        shell.signal(SIGINT);
        CHECK(shell.wait(after(20s)) == 0);
        CHECK(told_in(shell.output()) == expected);
    };
    first("--all", {"1", "2", "3", "4", "5", "6"});
    first("--last 2", {"3", "4", "5", "6"});
}

TEST_CASE(
    "nodes that are followed: with one that says nothing of its past the others' is no longer than was asked for") {
    const std::string mark = "echo\n";
    const Kubectl kubectl(
        {flow_at(1) + flow_at(4) + mark + kBeats, flow_at(2) + flow_at(3) + mark + kBeats, "sleep 60"});
    auto shell = start_shell(kubectl.with("exec bulkheadctl --all-nodes flows -f -o json --last 2"));
    CHECK(wait_until([&] { return told_in(shell.output()).size() >= 2; }, after(20s), 20ms));
    shell.signal(SIGINT);
    CHECK(shell.wait(after(20s)) == 0);
    CHECK(told_in(shell.output()) == std::vector<std::string>{"3", "4"});
}

TEST_CASE("nodes: what all agents refuse is told once, and is a refusal") {
    const Kubectl kubectl({kRefuses, kRefuses});
    const auto ended = in_shell(kubectl.with("bulkheadctl --all-nodes plan --protect nobody"));
    CHECK(ended.code == 4);
    CHECK(ended.output == "bulkheadctl: not now\n");
}

TEST_CASE("nodes that are followed: when none is left, the stream is over") {
    const Kubectl kubectl({kFlow, kRefuses});
    const auto ended = in_shell(kubectl.with("bulkheadctl --all-nodes flows -f"));
    CHECK(ended.code == 5);
    CHECK(ended.output.find("bulkheadctl: no node's stream goes on\n") != std::string::npos);
}

TEST_CASE("nodes: an answer without end costs neither all memory nor all time") {
    struct Row {
        const char* script;
        const char* patience;
        const char* told;
    };
    const Row rows[] = {
        {"head -c 70000000 /dev/zero | tr '\\0' ' '", "10", "bulkheadctl: node-b: its answer is longer than 64 MiB\n"},
        {"while sleep 0.2; do echo -n ' '; done", "2", "bulkheadctl: node-b: its answer isn't complete after 16 s\n"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.script);
        const Kubectl kubectl({R"(echo '{"problems": []}')", row.script});
        const auto ended = in_shell(
            kubectl.with(std::string("bulkheadctl --all-nodes endpoints -o json --node-timeout ") + row.patience));
        CAPTURE(ended.output);
        CHECK(ended.code == 6);
        CHECK(ended.output.find(row.told) != std::string::npos);
        CHECK(ended.output.find("\"node-a\"") != std::string::npos);
    }
}

TEST_CASE("nodes: one that closed its stderr isn't asked all the time") {
    const Kubectl kubectl({kFlow + "exec 2>&-; exec sleep 100"});
    auto shell = start_shell(kubectl.with("exec bulkheadctl --all-nodes flows -f"));
    REQUIRE(shell.wait_for_output("ledger-0", after(20s)));
    const auto before = reads_of(shell.pid());
    std::this_thread::sleep_for(1s); // what is measured is this second
    CHECK(reads_of(shell.pid()) - before < 200);
}

TEST_CASE("nodes: more than may be open at once are told, and as many as may be are") {
    const Kubectl kubectl(std::vector<std::string>(20, kFlow));
    const auto flows = kubectl.with("bulkheadctl --all-nodes flows --all -o json");
    const auto raised = in_shell("ulimit -Sn 30; " + flows + " | wc -l");
    CHECK(raised.code == 0);
    CHECK(raised.output == "20\n");
    const auto refused = in_shell("ulimit -n 30; " + flows);
    CHECK(refused.code == 3);
    CHECK(refused.output == "bulkheadctl: 20 nodes at once take 104 open files, and ulimit -Hn says 30; name some with "
                            "--on-node\n");
}
