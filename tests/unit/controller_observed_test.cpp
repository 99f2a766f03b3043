// SPDX-License-Identifier: Apache-2.0
//
// What is observed -> nodes to speak for, and requests.
#include <catch2/catch_test_macros.hpp>

#include "controller/coverage.h"
#include "controller/reach.h"
#include "controller/wanted.h"
#include "controller_value.h"

using namespace bulkhead;
using namespace bulkhead::controller;
using namespace std::chrono_literals;
using Time = Coverage::Time;

namespace {

constexpr auto kStarted = "2026-11-28T12:00:00Z";

Json agent(const std::string& node, bool running, bool ready, const Json& started = kStarted) {
    Json state = running ? Json{{"running", {{"startedAt", started}}}} : Json{{"waiting", Json::object()}};
    return {{"metadata", {{"name", "agent-" + node}, {"namespace", "bulkhead-system"}}},
            {"spec", {{"nodeName", node}}},
            {"status",
             {{"containerStatuses", {{{"name", "agent"}, {"state", state}}}},
              {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}}}}};
}

Json node(const std::string& name, const std::string& ready = "True", const Json& taints = Json::array()) {
    return {{"metadata", {{"name", name}, {"resourceVersion", "7"}, {"creationTimestamp", kStarted}}},
            {"spec", {{"taints", taints}}},
            {"status", {{"conditions", {{{"type", "Ready"}, {"status", ready}}}}}}};
}

constexpr Patience kPatience{.unbound = 3s, .absent = 20s};
const Time kStart = Time(100s);

using Names = std::set<std::string>;

} // namespace

TEST_CASE("a node is spoken for when no agent was ever bound to it, or its agent stays away") {
    Observed observed;
    Coverage coverage(kPatience);
    observed.nodes.put(value(node("bare")));
    observed.nodes.put(value(node("fine")));
    observed.nodes.put(value(node("broken")));
    observed.agents.put(value(agent("fine", true, true)));
    observed.agents.put(value(agent("broken", false, false)));
    const auto uncovered_after = [&](std::chrono::seconds time) {
        coverage.update(observed.agents, observed.nodes, kStart + time);
        return coverage.uncovered();
    };
    CHECK(uncovered_after(0s).empty());
    CHECK(coverage.wakes_at() == kStart + 3s);
    CHECK(uncovered_after(2s).empty());
    CHECK(uncovered_after(3s) == Names{"bare"});
    CHECK(coverage.wakes_at() == kStart + 20s);
    CHECK(uncovered_after(20s) == Names{"bare", "broken"});
    CHECK_FALSE(coverage.wakes_at());

    observed.agents.put(value(agent("broken", true, false))); // it runs: it publishes, ready or not
    CHECK(uncovered_after(21s) == Names{"bare"});
    observed.agents.remove(value(agent("broken", true, false)));
    CHECK(uncovered_after(22s) == Names{"bare"}); // the time begins anew
    CHECK(uncovered_after(25s) == Names{"bare", "broken"});
    observed.nodes.remove(value(node("broken")));
    CHECK(uncovered_after(26s) == Names{"bare"});
}

TEST_CASE("only an unknown node is silent: a kubelet that says it isn't ready is heard, and its agent counts") {
    Observed observed;
    Coverage coverage(kPatience);
    for (const auto* name : {"lost", "sick"})
        observed.agents.put(value(agent(name, true, true)));
    observed.agents.put(value(agent("dead", false, false)));
    observed.nodes.put(value(node("lost", "Unknown")));
    observed.nodes.put(value(node("dead", "Unknown")));
    observed.nodes.put(value(node("sick", "False")));
    observed.nodes.put(value({{"metadata", {{"name", "new"}}}})); // no word of it, and no agent
    coverage.update(observed.agents, observed.nodes, kStart);
    CHECK(coverage.silent().empty());
    coverage.update(observed.agents, observed.nodes, kStart + 20s);
    CHECK(coverage.silent() == Names{"lost"});
    CHECK(coverage.uncovered() == Names{"dead", "new"});
    observed.nodes.put(value(node("lost")));
    coverage.update(observed.agents, observed.nodes, kStart + 21s);
    CHECK(coverage.silent().empty());
}

TEST_CASE(
    "of a silent node's slices only pods that are no more are taken away, and nothing that was written meanwhile") {
    Observed observed;
    state::Cluster cluster;
    const auto bank_pod = [](const std::string& name, const std::string& node) {
        state::Pod pod;
        pod.name = name;
        pod.ns = "bank";
        pod.node = node;
        pod.common = std::make_shared<const state::PodTemplate>();
        return pod;
    };
    auto done = bank_pod("done", "lost");
    done.finished = true;
    for (const auto& pod : {bank_pod("here", "lost"), bank_pod("moved", "other"), done})
        cluster.put(pod);
    const auto slice = [](const std::string& name, const std::string& node, const std::vector<std::string>& pods) {
        Json endpoints = Json::array();
        for (const auto& pod : pods)
            endpoints.push_back({{"namespace", "bank"}, {"pod", pod}, {"addresses", {"10.0.1.1"}}});
        return Json{{"metadata", {{"name", name}, {"resourceVersion", "41"}}},
                    {"spec", {{"node", node}, {"tenant", "bank"}, {"endpoints", endpoints}}}};
    };
    observed.slices.put(value(slice("lost-1", "lost", {"here", "gone", "moved", "done"})));
    observed.slices.put(value(slice("lost-2", "lost", {"here"})));
    observed.slices.put(value(slice("fine-1", "fine", {"gone"})));
    Changes changes;
    want_no_gone_pods(observed, cluster, {"lost"}, changes);
    REQUIRE(changes.size() == 1);
    const auto& request = changes.begin()->second.request;
    CHECK(request.method == "PATCH");
    CHECK(request.path == "/apis/bulkhead.dev/v1alpha1/identityslices/lost-1");
    CHECK(Json::parse(request.body) == Json::parse(R"({"metadata": {"resourceVersion": "41"}, "spec": {"endpoints": [
        {"namespace": "bank", "pod": "here", "addresses": ["10.0.1.1"]}]}})"));
}

TEST_CASE("what an agent says that it can't guard is a problem of that pod, if the pod is on its node") {
    Observed observed;
    state::Cluster cluster;
    for (const auto* name : {"node-a", "node-b"}) {
        state::Pod pod;
        pod.ns = "shop";
        pod.name = std::string("on-") + name;
        pod.node = std::string(name);
        pod.common = std::make_shared<const state::PodTemplate>();
        cluster.put(pod);
    }
    const auto entry = [](const std::string& pod, const std::string& why) {
        return Json{{"namespace", "shop"}, {"pod", pod}, {"why", why}};
    };
    observed.slices.put(value({{"metadata", {{"name", "node-a-01234567"}}},
                               {"spec",
                                {{"node", "node-a"},
                                 {"notGuarded",
                                  {entry("on-node-a", "no-slot"), entry("on-node-b", "no-slot"),
                                   entry("nowhere", "no-slot"), entry("on-node-a", "whatever")}}}}}));
    std::vector<state::Problem> problems;
    observed.add_not_guarded(cluster, problems);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].object == "Pod shop/on-node-a");
    CHECK(problems[0].text.find("--max-pods") != std::string::npos);
}

TEST_CASE("what a node was told to let pass is a problem of that Node, for as long as it is in force") {
    const state::Time now(std::chrono::sys_days(std::chrono::year(2026) / 11 / 29));
    Observed observed;
    state::Cluster cluster;
    state::Node here;
    here.meta.name = "node-a";
    cluster.put(here);
    const auto slice = [](const std::string& node, const std::string& tenant, const std::string& until) {
        Json entry{{"until", until}, {"reason", "INC-7"}};
        if (!tenant.empty()) entry["tenant"] = tenant;
        return Json{{"metadata", {{"name", node + "-01234567"}}}, {"spec", {{"node", node}, {"overrides", {entry}}}}};
    };
    const auto problems_of = [&](const Json& told) {
        observed.slices.put(value(told));
        std::vector<state::Problem> problems;
        observed.add_overrides(cluster, now, problems);
        return problems;
    };
    const auto one = problems_of(slice("node-a", "bank", "2026-11-29T00:00:01Z"));
    REQUIRE(one.size() == 1);
    CHECK(one[0].object == "Node node-a");
    CHECK(one[0].nature == state::Problem::Nature::kOverride);
    CHECK(one[0].text == "until 2026-11-29T00:00:01Z what tenant bank refuses passes on this node, which was told so "
                         "there: INC-7");
    const auto all = problems_of(slice("node-a", "", "2026-11-29T00:00:01Z"));
    REQUIRE(all.size() == 1);
    CHECK(all[0].text.find("anything passes on this node") != std::string::npos);
    CHECK(problems_of(slice("node-a", "bank", "2026-11-29T00:00:00Z")).empty()); // its agent may be dead
    CHECK(problems_of(slice("node-a", "bank", "soon")).empty());
    CHECK(problems_of(slice("node-b", "bank", "2026-11-29T00:00:01Z")).empty()); // there is no such node
}

TEST_CASE("the taint goes from nodes whose agent is ready, and from no others") {
    const Json taint{{{"key", "bulkhead.dev/agent-not-ready"}, {"effect", "NoSchedule"}},
                     {{"key", "gpu"}, {"effect", "NoExecute"}}};
    const Json other{{{"key", "bulkhead.dev/agent-not"}, {"effect", "NoSchedule"}}};
    Observed observed;
    Coverage coverage(kPatience);
    for (const auto* name : {"ready", "running", "away"})
        observed.nodes.put(value(node(name, "True", taint)));
    observed.nodes.put(value(node("other", "True", other)));
    observed.agents.put(value(agent("ready", true, true)));
    observed.agents.put(value(agent("running", true, false)));
    observed.agents.put(value(agent("other", true, true)));
    coverage.update(observed.agents, observed.nodes, kStart);
    CHECK(coverage.ready_but_tainted() == Names{"ready"});
    Changes changes;
    want_no_taint(observed, coverage.ready_but_tainted(), changes);
    REQUIRE(changes.size() == 1);
    const auto& request = changes.begin()->second.request;
    CHECK(request.path == "/api/v1/nodes/ready");
    CHECK(request.body ==
          R"({"metadata":{"resourceVersion":"7"},"spec":{"taints":[{"effect":"NoExecute","key":"gpu"}]}})");
}

TEST_CASE("the taint stays while all that is known of a ready agent is of an older machine with the node's name") {
    const Json taint{{{"key", "bulkhead.dev/agent-not-ready"}, {"effect", "NoSchedule"}}};
    struct Row {
        const char* what;
        Json agent;
        std::string node_ready;
        bool is_freed;
    };
    const Row rows[]{
        {"started with the node", agent("n", true, true, kStarted), "True", true},
        {"started later", agent("n", true, true, "2026-11-28T12:00:01Z"), "True", true},
        {"started earlier", agent("n", true, true, "2026-11-28T11:59:59Z"), "True", false},
        {"started nobody knows when", agent("n", true, true, nullptr), "True", false},
        {"doesn't run", agent("n", false, true), "True", false},
        {"isn't ready", agent("n", true, false), "True", false},
        {"the kubelet is silent", agent("n", true, true), "Unknown", false},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        Observed observed;
        Coverage coverage(kPatience);
        observed.nodes.put(value(node("n", row.node_ready, taint)));
        observed.agents.put(value(row.agent));
        coverage.update(observed.agents, observed.nodes, kStart);
        CHECK(coverage.ready_but_tainted().contains("n") == row.is_freed);
    }
}

TEST_CASE("an old pod that is ready and a new one that isn't make no ready agent") {
    const Json taint{{{"key", "bulkhead.dev/agent-not-ready"}, {"effect", "NoSchedule"}}};
    Observed observed;
    Coverage coverage(kPatience);
    observed.nodes.put(value(node("n", "True", taint)));
    auto old = agent("n", true, true, "2026-11-28T11:00:00Z");
    old["metadata"]["name"] = "agent-old";
    observed.agents.put(value(old));
    observed.agents.put(value(agent("n", true, false, "2026-11-28T13:00:00Z")));
    coverage.update(observed.agents, observed.nodes, kStart);
    CHECK(coverage.ready_but_tainted().empty());
}

TEST_CASE("a list forgets what it no longer has, but only once it is complete") {
    Observed observed;
    observed.nodes.put(value(node("a")));
    observed.nodes.put(value(node("b")));
    CHECK(observed.take_changed());
    observed.nodes.begin_list();
    observed.nodes.put(value(node("a")));
    CHECK_FALSE(observed.take_changed());
    CHECK(observed.nodes.all().size() == 2);
    observed.nodes.begin_list(); // it broke off
    observed.nodes.put(value(node("b")));
    observed.nodes.end_list();
    CHECK(observed.nodes.all().size() == 1);
    CHECK(observed.nodes.find("b") != nullptr);
    CHECK(observed.take_changed());
}

TEST_CASE("a status is written where it differs, and what somebody else says in it is no difference") {
    Observed observed;
    const Json object{{"metadata", {{"name", "reports"}, {"namespace", "payments"}, {"generation", 3}}}};
    observed.access_grants.put(value(object));
    Changes changes;
    const auto now = std::chrono::sys_seconds(1'800'000'000s);
    want_statuses(observed, {}, {}, {}, {}, now, changes);
    REQUIRE(changes.size() == 1);
    const auto& request = changes.begin()->second.request;
    CHECK(request.path == "/apis/bulkhead.dev/v1alpha1/namespaces/payments/accessgrants/reports/status");

    auto written = object;
    written["status"] = Json::parse(request.body).at("status");
    written["status"]["addresses"] = 4;
    observed.access_grants.put(value(written));
    Changes none;
    want_statuses(observed, {}, {}, {}, {}, now + 1h, none);
    CHECK(none.empty());

    written["metadata"]["generation"] = 4;
    observed.access_grants.put(value(written));
    want_statuses(observed, {}, {}, {}, {}, now, none);
    CHECK(none.size() == 1);
}

TEST_CASE("a status is written anew when the object's date has passed, and not again") {
    Observed observed;
    Json object{{"metadata", {{"name", "reports"}, {"namespace", "payments"}, {"generation", 3}}}};
    const auto now = std::chrono::sys_seconds(1'800'000'000s);
    const auto write = [&](const Endings& endings) {
        observed.access_grants.put(value(object));
        Changes changes;
        want_statuses(observed, {}, endings, {}, {}, now, changes);
        if (!changes.empty()) object["status"] = Json::parse(changes.begin()->second.request.body).at("status");
        return changes.size();
    };
    CHECK(write({}) == 1);
    CHECK(write({.by_object = {{"AccessGrant payments/other", {{.field = "", .at = now}}}}}) == 0);
    const Endings ended{.by_object = {{"AccessGrant payments/reports", {{.field = "", .at = now}}}}};
    CHECK(write(ended) == 1);
    CHECK(object.at("status").at("conditions").at(0).at("reason") == "Expired");
    CHECK(write(ended) == 0);
}

TEST_CASE("only Services with a selector and that port say whom the API server calls") {
    Observed observed;
    const auto service = [](const std::string& name, const Json& selector) {
        return Json{{"metadata", {{"name", name}, {"namespace", "hooks"}}},
                    {"spec",
                     {{"selector", selector},
                      {"ports",
                       {{{"port", 443}, {"protocol", "UDP"}, {"targetPort", 8443}},
                        {{"port", 443}},
                        {{"port", 53}, {"protocol", "UDP"}, {"targetPort", "dns"}},
                        {{"port", 80}, {"protocol", "TCP"}, {"targetPort", "web"}}}}}}};
    };
    observed.services.put(value(service("admit", {{"app", "a"}})));
    observed.services.put(value(service("outside", Json::object())));
    const std::set<Callee> callees{{"hooks", "admit", 443}, {"hooks", "admit", 53},    {"hooks", "admit", 80},
                                   {"hooks", "admit", 81},  {"hooks", "outside", 443}, {"hooks", "nowhere", 443},
                                   {"other", "admit", 443}};
    const auto reach = reach_of(callees, observed.services).at("kubeApiserver");
    REQUIRE(reach.size() == 2);
    for (const auto& entry : reach) {
        CHECK(entry.at("namespace") == "hooks");
        CHECK(entry.at("selector") == Json{{"app", "a"}});
    }
    CHECK(reach[0].at("ports") == Json{{{"port", "web"}, {"protocol", "TCP"}}});
    CHECK(reach[1].at("ports") == Json{{{"port", 443}, {"protocol", "TCP"}}}); // the target is the port if not said
}

TEST_CASE("a Service that is another name for somewhere else stands for no pods, whatever its selector says") {
    Observed observed;
    Json service{{"metadata", {{"name", "admit"}, {"namespace", "hooks"}}},
                 {"spec",
                  {{"type", "ExternalName"},
                   {"externalName", "admit.example.com"},
                   {"selector", {{"app", "database"}}},
                   {"ports", {{{"port", 443}, {"targetPort", 5432}}}}}}};
    const auto entries = [&] {
        observed.services.put(value(service));
        return reach_of({{"hooks", "admit", 443}}, observed.services).at("kubeApiserver").size();
    };
    CHECK(entries() == 0);
    service["spec"]["type"] = "ClusterIP";
    CHECK(entries() == 1);
}

TEST_CASE("who is called is read from webhooks, APIServices and conversions") {
    Observed observed;
    const auto client = [](const Json& config) { return Json{{"clientConfig", config}}; };
    const Json service{{"namespace", "hooks"}, {"name", "admit"}};
    observed.validating_webhooks.put(
        value({{"metadata", {{"name", "v"}}},
               {"webhooks", {client({{"service", service}}), client({{"url", "https://example.com"}})}}}));
    observed.api_services.put(
        value({{"metadata", {{"name", "a"}}},
               {"spec", {{"service", {{"namespace", "m"}, {"name", "metrics"}, {"port", 4443}}}}}}));
    observed.api_services.put(value({{"metadata", {{"name", "local"}}}, {"spec", Json::object()}}));
    observed.conversions.put(value(
        {{"metadata", {{"name", "c"}}}, {"spec", {{"conversion", {{"webhook", client({{"service", service}})}}}}}}));
    observed.conversions.put(
        value({{"metadata", {{"name", "d"}}}, {"spec", {{"conversion", {{"strategy", "None"}}}}}}));
    CHECK(callees_in(observed) == std::set<Callee>{{"hooks", "admit", 443}, {"m", "metrics", 4443}});
}
