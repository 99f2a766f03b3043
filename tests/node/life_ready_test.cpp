// SPDX-License-Identifier: Apache-2.0
//
// What a running agent says over HTTP to the kubelet and to Prometheus: /healthz, /readyz and /metrics.
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "fixture.h"
#include "metrics_support.h"
#include "support/echo_server.h"

namespace bulkhead::test {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

struct Shop {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place till = net.add(kNodeA, "shop/till", 20);
    Place stranger = net.add(kNodeA, "blog/stranger", 30);
    EchoServer server = require(EchoServer::start(till.netns, {80}));

    Shop() {
        net.manifests().write("shop.yaml", protected_namespace_text("shop"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
    }

    AgentProcess launch(const std::string& attach = "auto") const {
        return AgentProcess::launch(net, node, {.attach = attach, .metrics_address = kMetricsAddress});
    }
    bool is_ready() const { return get(node, "/readyz").status == 200; }
    bool stranger_is_heard(Clock::duration limit = 300ms) const {
        return answers_udp(stranger.netns, {till.ip4, 80}, after(limit));
    }
};

TEST_CASE("an agent is ready when its first read is in the kernel and every veth guarded, and not before") {
    const Shop shop;
    const fs::path directory = shop.net.manifests().directory();
    const fs::path away = shop.net.directory() / "away";
    fs::rename(directory, away);
    auto agent = shop.launch();
    REQUIRE(wait_until([&] { return get(shop.node, "/healthz").status == 200; }, after(60s)));
    REQUIRE(agent.reports([](const Json&) { return true; })); // it has looked for the directory
    const auto before = get(shop.node, "/readyz");
    CHECK(before.status == 503);
    CHECK_THAT(before.body, StartsWith("not ready"));
    CHECK(shop.stranger_is_heard(10s));

    fs::rename(away, directory);
    REQUIRE(wait_until([&] { return shop.is_ready(); }, after(20s)));
    CHECK_FALSE(shop.stranger_is_heard());
    CHECK(agent.ask({"status"}).at("interfaces").at("guarded") == 2);
    CHECK(agent.ask({"status"}).at("interfaces").at("unguarded") == 0);
}

/// As `bulkheadctl endpoints` has it.
std::string state_of(const AgentProcess& agent, const Place& pod) {
    const Json row = agent.endpoint(pod.name);
    return row.is_object() ? row.value("state", "") : "";
}

std::string veth_of(const Place& node, const Place& pod) {
    const auto [failed, output] = run_in(node.netns, {"ip", "-j", "route", "show", pod.ip4.text()});
    if (failed) FAIL("ip route: " << output);
    return Json::parse(output).at(0).at("dev");
}

TEST_CASE("one veth that can't be guarded keeps the node from being ready, and its pod is shown as unguarded") {
    const Shop shop;
    const auto tc = [&](const char* verb, const char* kind) {
        const auto [failed, output] =
            run_in(shop.node.netns, {"tc", "qdisc", verb, "dev", veth_of(shop.node, shop.till), kind});
        if (failed) FAIL("tc: " << output);
    };
    tc("add", "ingress"); // in the place of clsact's, and without its half for packets to the pod
    auto agent = shop.launch("clsact");
    REQUIRE(wait_until([&] { return state_of(agent, shop.stranger) == "guarded"; }, after(60s)));
    CHECK(get(shop.node, "/healthz").status == 200);
    CHECK(get(shop.node, "/readyz").status == 503);
    CHECK(state_of(agent, shop.till) == "unguarded");
    CHECK(samples_in(get(shop.node, "/metrics").body).at(R"(bulkhead_interfaces{state="unguarded"})") == 1);

    tc("del", "ingress"); // the agent tries again
    CHECK(wait_until([&] { return shop.is_ready(); }, after(20s)));
    CHECK(state_of(agent, shop.till) == "guarded");
    CHECK_FALSE(shop.stranger_is_heard());

    agent.process().signal(SIGSTOP); // or it would put clsact back in between
    tc("del", "clsact");             // with our programs
    tc("add", "ingress");
    agent.process().signal(SIGCONT);
    CHECK(wait_until([&] { return !shop.is_ready(); }, after(20s)));
    CHECK(state_of(agent, shop.till) == "unguarded");
    tc("del", "ingress");
    CHECK(wait_until([&] { return shop.is_ready(); }, after(20s)));
    CHECK_FALSE(shop.stranger_is_heard());
}

TEST_CASE("an agent that took a node over and can't understand a file is healthy, but ready only once that is mended") {
    const Shop shop;
    auto before = shop.launch();
    REQUIRE(wait_until([&] { return shop.is_ready(); }, after(60s)));
    REQUIRE(before.process().stop(after(kEnd)) == 0);
    shop.net.manifests().write("shop.yaml", "{{{");
    auto agent = shop.launch();
    REQUIRE(agent.reports([](const Json& each) { return each.value("origin", "").find("shop.yaml") == 0; }));
    CHECK(get(shop.node, "/healthz").status == 200);
    CHECK(get(shop.node, "/readyz").status == 503);
    CHECK_FALSE(shop.stranger_is_heard());
    shop.net.manifests().write("shop.yaml", protected_namespace_text("shop"));
    CHECK(wait_until([&] { return shop.is_ready(); }, after(20s)));
    CHECK_FALSE(shop.stranger_is_heard());
}

/// One thread of a process, stopped where it is, as a call that never comes back would; the others go on. Whoever makes
/// it must let go of it.
class StoppedThread {
public:
    explicit StoppedThread(pid_t thread) : thread_(thread) {
        REQUIRE(ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) == 0);
        REQUIRE(ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0);
        int status = 0;
        REQUIRE(waitpid(thread_, &status, __WALL) == thread_);
        REQUIRE(WIFSTOPPED(status));
    }
    StoppedThread(const StoppedThread&) = delete;
    StoppedThread& operator=(const StoppedThread&) = delete;
    ~StoppedThread() { ptrace(PTRACE_DETACH, thread_, nullptr, nullptr); }

private:
    pid_t thread_;
};

TEST_CASE(
    "an agent whose loop hangs is neither healthy nor ready, enforces all the same, and is both when it goes on") {
    const Shop shop;
    auto agent = shop.launch();
    REQUIRE(wait_until([&] { return shop.is_ready(); }, after(60s)));
    CHECK(get(shop.node, "/healthz").status == 200);
    {
        const StoppedThread loop(agent.process().pid()); // the main thread's
        CHECK(get(shop.node, "/healthz").status == 200); // a moment is none
        REQUIRE(wait_until([&] { return get(shop.node, "/healthz").status != 200; }, after(30s), 100ms));
        const auto answer = get(shop.node, "/healthz");
        CHECK(answer.status == 503);
        CHECK_THAT(answer.body, ContainsSubstring("loop is stuck"));
        CHECK(get(shop.node, "/readyz").status == 503);
        CHECK(get(shop.node, "/metrics").status == 503);
        CHECK_FALSE(shop.stranger_is_heard());
    }
    CHECK(wait_until([&] { return get(shop.node, "/healthz").status == 200; }, after(20s), 50ms));
    CHECK(wait_until([&] { return shop.is_ready(); }, after(20s)));
    CHECK_FALSE(shop.stranger_is_heard());
}

TEST_CASE("metrics are Prometheus' text format, and count what this node does") {
    const Shop shop;
    const auto agent = shop.launch();
    REQUIRE(wait_until([&] { return shop.is_ready(); }, after(60s)));
    CHECK_FALSE(shop.stranger_is_heard());
    const auto answer = get(shop.node, "/metrics");
    REQUIRE(answer.status == 200);
    CHECK(answer.content_type == "text/plain; version=0.0.4; charset=utf-8");
    CHECK_THAT(answer.body, ContainsSubstring("\n# TYPE bulkhead_packets_total counter\n"));
    const auto samples = samples_in(answer.body);
    for (const auto& [name, value] : samples)
        CHECK_THAT(name, StartsWith("bulkhead_") || StartsWith("process_"));
    CHECK(samples.at(R"(bulkhead_interfaces{state="guarded"})") == 2);
    CHECK(samples.at(R"(bulkhead_interfaces{state="unguarded"})") == 0);
    CHECK(samples.at(R"(bulkhead_packets_total{direction="ingress",verdict="deny",reason="not-granted"})") > 0);
}

TEST_CASE("of other paths the metrics' address says which there are") {
    const Shop shop;
    const auto agent = shop.launch();
    REQUIRE(wait_until([&] { return get(shop.node, "/healthz").status == 200; }, after(60s)));
    CHECK(get(shop.node, "/v1/status").status == 404); // bulkheadctl's: not for the network
}

} // namespace
} // namespace bulkhead::test
