// SPDX-License-Identifier: Apache-2.0
//
// Many nodes at once: what stands for kubectl is a script, and says what each test has the nodes' agents say.
#include <filesystem>

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
