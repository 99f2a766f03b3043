// SPDX-License-Identifier: Apache-2.0
//
// The agents of two nodes asked at once. What stands between them and bulkheadctl in a cluster, kubectl with an API
// server and kubelets, is a script here; it runs the real program beside each real agent.
#include "ctl_support.h"

#include <fstream>

namespace bulkhead::test {
namespace {

namespace fs = std::filesystem;

/// An agent on each node, and a kubectl that reaches them as pods agent-a and agent-b; agent-c never says a word.
struct Cluster {
    TwoPods pods;
    Place far_node = pods.net.node(kNodeB);
    Place far = pods.net.add(kNodeB, "blog/far", 22);
    EchoServer far_server = require(EchoServer::start(far.netns, {8080}));
    AgentProcess a = AgentProcess::start(pods.net, pods.node, {});
    AgentProcess b = AgentProcess::start(pods.net, far_node, {});

    explicit Cluster(bool with_silent) {
        fs::create_directory(bin());
        std::string items = pod("agent-a", kNodeA) + "," + pod("agent-b", kNodeB);
        if (with_silent) items += "," + pod("agent-c", "node-c");
        std::ofstream(bin() / "kubectl") << "#!/bin/bash\n"
                                            "echo \"$*\" >> "
                                         << (bin() / "asked").string()
                                         << "\n"
                                            "[[ $1 == --namespace=bulkhead-system ]] || exit 9\n"
                                            "shift\n"
                                            "case \"$1 $2\" in\n"
                                            "'get pods') echo '{\"items\":["
                                         << items
                                         << "]}' ;;\n"
                                            "'exec agent-a') socket="
                                         << a.socket()
                                         << " ;;\n"
                                            "'exec agent-b') socket="
                                         << b.socket()
                                         << " ;;\n"
                                            "'exec agent-c') exec sleep 100 ;;\n"
                                            "*) exit 8 ;;\n"
                                            "esac\n"
                                            "[[ $1 == exec ]] || exit 0\n"
                                            "shift 4\n" // exec POD --container=agent --
                                            "program=$1; shift\n"
                                            "exec \"$program\" --socket \"$socket\" \"$@\"\n";
        fs::permissions(bin() / "kubectl", fs::perms::owner_all);
        fs::create_symlink(BULKHEAD_CTL, bin() / "kubectl-bulkhead");
    }

    static std::string pod(const std::string& name, const std::string& node) {
        return R"({"metadata":{"name":")" + name + R"("},"spec":{"nodeName":")" + node + R"("}})";
    }
    fs::path bin() const { return pods.net.directory() / "bin"; }
    std::pair<int, std::string> run(const std::string& line) const {
        return shell("PATH=" + bin().string() + ":$PATH; " + line);
    }
};

TEST_CASE("flows of all nodes are one stream in the order of their times") {
    const Cluster cluster(false);
    // By turns, so that the nodes' flows lie between each other.
    for (int i = 0; i < 3; ++i) {
        CHECK(answers_tcp(cluster.far.netns, {cluster.pods.ledger.ip4, 8443}, after(5s)));
        CHECK(answers_tcp(cluster.pods.web.netns, {cluster.far.ip4, 8080}, after(5s)));
    }
    std::vector<Json> flows;
    const auto are_there = [&] {
        const auto [status, text] =
            cluster.run("bulkheadctl --all-nodes flows --all -o json --to-port 8443 --to-port 8080");
        INFO(text);
        REQUIRE(status == 0);
        flows = lines_of(text);
        return flows.size() >= 6;
    };
    REQUIRE(wait_until(are_there, after(10s)));
    REQUIRE(flows.size() == 6);
    for (size_t i = 0; i < flows.size(); ++i) {
        CHECK(flows[i]["node"] == (i % 2 == 0 ? kNodeA : kNodeB));
        if (i > 0) CHECK(flows[i - 1]["time"].get<std::string>() < flows[i]["time"].get<std::string>());
    }
    // The newest of all nodes together, not of each.
    const auto [status, text] =
        cluster.run("bulkheadctl --all-nodes flows --last 3 -o json --to-port 8443 --to-port 8080");
    CHECK(status == 0);
    const auto last = lines_of(text);
    REQUIRE(last.size() == 3);
    CHECK(last.front() == flows[3]);
    CHECK(last.back() == flows[5]);
}

TEST_CASE("as kubectl's plugin all nodes are asked: a table of them, one table of edges, conversations of each") {
    const Cluster cluster(false);
    CHECK(answers_tcp(cluster.far.netns, {cluster.pods.ledger.ip4, 8443}, after(5s)));
    CHECK(answers_tcp(cluster.pods.web.netns, {cluster.far.ip4, 8080}, after(5s)));
    const auto [status, text] = cluster.run("kubectl-bulkhead status");
    INFO(text);
    CHECK(status == 0);
    CHECK(text.find("NODE") == 0);
    CHECK(text.find("\nnode-a  yes") != std::string::npos);
    CHECK(text.find("\nnode-b  yes") != std::string::npos);

    Json edges;
    const auto are_there = [&] {
        edges = Json::parse(cluster.run("kubectl-bulkhead edges -o json").second)["edges"];
        return edges.size() >= 2;
    };
    REQUIRE(wait_until(are_there, after(10s)));
    std::set<int> ports;
    for (const auto& edge : edges)
        ports.insert(edge["port"].get<int>());
    CHECK(ports.contains(8443)); // node-a judged it
    CHECK(ports.contains(8080)); // and node-b this

    const auto [done, lines] = cluster.run("kubectl-bulkhead conversations -o json --to-port 8443");
    CHECK(done == 0);
    std::set<std::string> nodes;
    for (const auto& one : lines_of(lines))
        nodes.insert(one["node"]);
    CHECK(nodes == std::set<std::string>{kNodeA, kNodeB}); // far's memory is on node-b, ledger's on node-a

    const auto [only, one] = cluster.run("bulkheadctl --on-node node-b endpoints");
    CHECK(only == 0);
    CHECK(one.find("node-b:\n") == 0);
    CHECK(one.find("node-a:\n") == std::string::npos);
}

TEST_CASE("a node that doesn't answer is named, and the rest shown") {
    const Cluster cluster(true);
    // Long enough for those that do.
    const auto errors = (cluster.bin() / "errors").string();
    const auto [status, shown] = cluster.run("bulkheadctl --all-nodes --node-timeout 6 status 2>" + errors);
    CHECK(status == 6);
    CHECK(shown.find("node-a  yes") != std::string::npos);
    CHECK(shown.find("node-b  yes") != std::string::npos);
    CHECK(shown.find("node-c") == std::string::npos);
    const std::string complaint = "bulkheadctl: node-c: no answer within 6 s\n";
    CHECK(shell("cat " + errors).second == complaint);
    // In a stream that is merged by time the silent one holds up the others no longer than that.
    const auto [streamed, rest] =
        cluster.run("bulkheadctl --all-nodes --node-timeout 6 flows --all -o json 2>&1 >/dev/null");
    CHECK(streamed == 6);
    CHECK(rest == complaint);
    // Neither is there a kubectl.
    const auto [none, why] = shell("PATH=/nowhere " BULKHEAD_CTL " --all-nodes status 2>&1");
    CHECK(none == 3);
    CHECK(why.find("run kubectl: No such file or directory") != std::string::npos);
    const auto [refused, usage] = cluster.run("bulkheadctl --all-nodes reasons 2>&1");
    CHECK(refused == 2);
}

} // namespace
} // namespace bulkhead::test
