// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-controller at a real API server: what it writes, and that one of several does.
#include "base/rfc3339.h"
#include "controller_process.h"

namespace bulkhead::test {
namespace {

std::string tenant_yaml(const std::string& name, const std::string& spec) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: " + name + "}\nspec: {" + spec +
           "}\n---\n";
}

/// Of a Tenant: "True", "False"; null if it isn't there.
Json condition(const ApiServer& server, const std::string& tenant, const std::string& type) {
    const auto status = object(server, {"tenant", tenant}).value("status", Json::object());
    for (const auto& one : status.value("conditions", Json::array()))
        if (one.at("type") == type) return one;
    return nullptr;
}

bool becomes(const ApiServer& server, const std::string& tenant, const std::string& type, const std::string& status) {
    return wait_until(
        [&] {
            const auto found = condition(server, tenant, type);
            return !found.is_null() && found.at("status") == status;
        },
        after(20s), 50ms);
}

bool says(const Json& condition, const std::string& text) {
    return condition.at("message").get<std::string>().find(text) != std::string::npos;
}

std::vector<Json> events_on(const ApiServer& server, const std::string& kind, const std::string& name) {
    std::vector<Json> found;
    const auto events = object(server, {"events", "-A"});
    for (const auto& event : events.at("items"))
        if (event.at("involvedObject").at("kind") == kind && event.at("involvedObject").at("name") == name)
            found.push_back(event);
    return found;
}

TEST_CASE("a Tenant's status says whether what it says is in force, and why not") {
    const ApiServer server = with_crds();
    put(server,
        namespace_yaml("shop") + namespace_yaml("bank") + tenant_yaml("bank", "namespaces: [bank], level: protected"));
    const ControllerProcess controller(server.kubeconfig());
    REQUIRE(becomes(server, "bank", "Ready", "True"));
    CHECK(condition(server, "bank", "Conflict").at("status") == "False");
    CHECK(condition(server, "bank", "Invalid").at("status") == "False");

    // Two claim one namespace: the younger one is told.
    const auto ready_since = condition(server, "bank", "Ready").at("lastTransitionTime");
    std::this_thread::sleep_until(Clock::now() + 1100ms); // creation times have seconds
    put(server, tenant_yaml("robber", "namespaces: [bank]"));
    REQUIRE(becomes(server, "robber", "Conflict", "True"));
    const auto conflict = condition(server, "robber", "Conflict");
    CHECK(says(conflict, "it belongs to Tenant bank"));
    CHECK(condition(server, "robber", "Ready").at("status") == "False");
    CHECK(condition(server, "bank", "Ready").at("status") == "True");
    CHECK(condition(server, "bank", "Ready").at("lastTransitionTime") == ready_since);
    REQUIRE(wait_until([&] { return !events_on(server, "Tenant", "robber").empty(); }, after(20s), 50ms));
    const auto event = events_on(server, "Tenant", "robber").front();
    CHECK(event.at("reason") == "Conflict");
    CHECK(event.at("type") == "Warning");
    CHECK(event.at("involvedObject").at("uid") == object(server, {"tenant", "robber"}).at("metadata").at("uid"));

    // Who claims another namespace is mended, by itself.
    put(server, tenant_yaml("robber", "namespaces: [shop]"));
    REQUIRE(becomes(server, "robber", "Conflict", "False"));
    CHECK(becomes(server, "robber", "Ready", "True"));
    const auto robber = object(server, {"tenant", "robber"});
    CHECK(robber.at("status").at("observedGeneration") == robber.at("metadata").at("generation"));
    CHECK(events_on(server, "Tenant", "robber").size() == 1);
}

TEST_CASE("what a server without rules lets in is Invalid in its status, until it is mended") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank"));
    // Valid by the schema, but not by the rule that a range ends after it begins.
    const auto ports = [](int end) {
        return "namespaces: [bank], expose: [{ports: [{port: 90, endPort: " + std::to_string(end) + "}]}]";
    };
    if (server.kubectl({"apply", "-f", "-"}, tenant_yaml("bank", ports(80))).status != 0)
        SKIP("this API server refuses it by itself");
    const ControllerProcess controller(server.kubeconfig());
    REQUIRE(becomes(server, "bank", "Invalid", "True"));
    CHECK(says(condition(server, "bank", "Invalid"), "spec.expose[0].ports[0].endPort"));
    CHECK(condition(server, "bank", "Ready").at("status") == "False");
    put(server, tenant_yaml("bank", ports(99)));
    REQUIRE(becomes(server, "bank", "Invalid", "False"));
    CHECK(becomes(server, "bank", "Ready", "True"));
}

TEST_CASE("status and Events of AccessGrants and AWSResources are written like those of Tenants") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank") + tenant_yaml("bank", "namespaces: [bank], accessGrants: false") +
                    "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: all, namespace: bank}\n"
                    "spec: {from: [{world: true}]}\n---\n"
                    "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: aurora}\n"
                    "spec: {tenant: nobody, addresses: {cidrs: [10.9.0.0/24]}}\n---\n");
    const ControllerProcess controller(server.kubeconfig());
    const auto status_of = [&](const std::vector<std::string>& words, const std::string& type) {
        const auto status = object(server, words).value("status", Json::object());
        for (const auto& one : status.value("conditions", Json::array()))
            if (one.at("type") == type) return one;
        return Json{{"status", "none"}, {"message", ""}};
    };
    const std::vector<std::string> grant{"accessgrant", "all", "-n", "bank"}, resource{"awsresource", "aurora"};
    REQUIRE(wait_until([&] { return status_of(grant, "Conflict").at("status") == "True"; }, after(20s), 50ms));
    CHECK(says(status_of(grant, "Conflict"), "does not let its namespaces grant access"));
    REQUIRE(wait_until([&] { return status_of(resource, "Ready").at("status") == "True"; }, after(20s), 50ms));
    CHECK(says(status_of(resource, "Ready"), "there is no tenant nobody"));
    CHECK(wait_until([&] { return events_on(server, "AccessGrant", "all").size() == 1; }, after(20s), 50ms));
    CHECK(wait_until([&] { return events_on(server, "AWSResource", "aurora").size() == 1; }, after(20s), 50ms));
}

TEST_CASE("an Override has an Event and is Ready until it ends, and then is Expired") {
    const ApiServer server = with_crds();
    const ControllerProcess controller(server.kubeconfig());
    const auto end = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now()) + 12s;
    put(server, "apiVersion: bulkhead.dev/v1alpha1\nkind: Override\nmetadata: {name: drill}\n"
                "spec: {all: true, until: \"" +
                    rfc3339(end) + "\", reason: nobody is reached}\n");
    const auto ready = [&] {
        const auto status = object(server, {"override", "drill"}).value("status", Json::object());
        for (const auto& one : status.value("conditions", Json::array()))
            if (one.at("type") == "Ready") return one;
        return Json{{"status", "none"}, {"message", ""}, {"reason", ""}};
    };
    REQUIRE(wait_until([&] { return ready().at("status") == "True"; }, after(20s), 50ms));
    CHECK(says(ready(), "anything passes, and is reported: nobody is reached"));
    REQUIRE(wait_until([&] { return events_on(server, "Override", "drill").size() == 1; }, after(20s), 50ms));
    CHECK(events_on(server, "Override", "drill").at(0).at("reason") == "Overridden");
    REQUIRE(wait_until([&] { return ready().at("reason") == "Expired"; }, after(30s), 50ms));
    CHECK(std::chrono::system_clock::now() > end - 1s);
}

TEST_CASE("neither a namespace that ends nor a pod that is served as megabytes holds up anybody's Events") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank") + namespace_yaml("evil") + namespace_yaml("going"));
    const auto create_pod = [&](const std::string& ns, const std::string& text) {
        const Json pod{
            {"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"name", "odd"}, {"annotations", {{"bulkhead.dev/expose", "???"}}}}},
            {"spec",
             {{"nodeName", "node-a"},
              {"containers", {{{"name", "a"}, {"image", "b"}, {"env", {{{"name", "A"}, {"value", text}}}}}}}}}};
        kubectl(server, {"create", "--raw", "/api/v1/namespaces/" + ns + "/pods", "-f", "-"}, pod.dump());
    };
    create_pod("going", "");
    create_pod("evil", std::string(1'000'000, '<')); // "\u003c" of each
    kubectl(server, {"delete", "namespace", "going", "--wait=false"});
    put(server, tenant_yaml("bank", "namespaces: [nowhere]"));
    const ControllerProcess controller(server.kubeconfig());
    CHECK(wait_until([&] { return events_on(server, "Tenant", "bank").size() == 1; }, after(20s), 50ms));
    REQUIRE(wait_until([&] { return events_on(server, "Pod", "odd").size() == 1; }, after(20s), 50ms));
    const auto event = events_on(server, "Pod", "odd").front();
    CHECK(event.at("involvedObject").at("namespace") == "evil");
    CHECK(event.at("involvedObject").at("uid") ==
          object(server, {"pod", "odd", "-n", "evil"}).at("metadata").at("uid"));
    CHECK(controller.output().find("can't tell") == std::string::npos);
}

TEST_CASE("an AccessGrant is Expired once its date has passed, though nobody writes anything then") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank") + namespace_yaml("shop"));
    const ControllerProcess controller(server.kubeconfig());
    const auto ready = [&] {
        const auto status = object(server, {"accessgrant", "dated", "-n", "bank"}).value("status", Json::object());
        for (const auto& one : status.value("conditions", Json::array()))
            if (one.at("type") == "Ready") return one;
        return Json{{"status", "none"}, {"reason", "none"}, {"message", ""}};
    };
    std::chrono::sys_seconds until{};
    const auto opens = [&](std::chrono::seconds ahead) {
        until = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now() + ahead);
        put(server, "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: dated, namespace: bank}\n"
                    "spec: {from: [{namespace: shop}], until: \"" +
                        rfc3339(until) + "\"}\n---\n");
        return wait_until([&] { return ready().at("status") == "True"; }, after(ahead - 2s), 50ms);
    };
    for (auto ahead = 8s; !opens(ahead); ahead *= 2) // on a busy machine it takes a later date
        REQUIRE(ahead < 2min);
    const auto left = std::chrono::ceil<std::chrono::seconds>(until - std::chrono::system_clock::now());
    REQUIRE(wait_until([&] { return ready().at("status") == "False"; }, after(left + 10s), 50ms));
    CHECK(std::chrono::system_clock::now() >= until);
    CHECK(ready().at("reason") == "Expired");
    CHECK(ready().at("message") == "ended at " + rfc3339(until));
    CHECK(events_on(server, "AccessGrant", "dated").empty()); // nobody has to mend it
}

TEST_CASE("of two controllers one acts; when it dies the other does, and at once when it says goodbye") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank"));
    ControllerProcess one(server.kubeconfig(), "one");
    REQUIRE(wait_until([&] { return led_by(server, "one"); }, after(20s), 50ms));
    std::optional<ControllerProcess> two(std::in_place, server.kubeconfig(), "two");
    put(server, tenant_yaml("bank", "namespaces: [bank]"));
    REQUIRE(becomes(server, "bank", "Ready", "True"));
    CHECK(led_by(server, "one"));

    one.process().signal(SIGKILL);
    REQUIRE(wait_until([&] { return led_by(server, "two"); }, after(30s), 50ms));
    kubectl(server, {"delete", "tenant", "bank"});
    put(server, tenant_yaml("bank", "namespaces: [bank]"));
    CHECK(becomes(server, "bank", "Ready", "True"));

    const ControllerProcess three(server.kubeconfig(), "three");
    CHECK(two->process().stop(after(10s)) == 0);
    CHECK(holder(server).starts_with("two_") == false);
    CHECK(wait_until([&] { return led_by(server, "three"); }, after(20s), 50ms));
}

TEST_CASE("a controller that stood still for longer than its Lease doesn't act on its old lead") {
    const ApiServer server = with_crds();
    ControllerProcess one(server.kubeconfig(), "one");
    REQUIRE(wait_until([&] { return led_by(server, "one"); }, after(20s), 50ms));
    ControllerProcess two(server.kubeconfig(), "two");
    one.process().signal(SIGSTOP);
    REQUIRE(wait_until([&] { return led_by(server, "two"); }, after(30s), 50ms));
    one.process().signal(SIGCONT);
    // The other one renews it every two seconds; were it taken back, that would be seen within a few of them.
    CHECK_FALSE(wait_until([&] { return led_by(server, "one"); }, after(6s), 50ms));
    CHECK(two.process().running());
}

std::string node_yaml(const std::string& name, const std::string& taints = "[]") {
    return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\nspec: {taints: " + taints + "}\n---\n";
}

void run_pod(const ApiServer& server, const std::string& name, const std::string& node, const std::string& address) {
    run_pod(server, "bank", name, node, "{}",
            {{"phase", "Running"}, {"podIP", address}, {"podIPs", {{{"ip", address}}}}});
}

void remove_pod(const ApiServer& server, const std::string& ns, const std::string& name) {
    kubectl(server, {"-n", ns, "delete", "pod", name, "--force", "--grace-period=0"});
}

/// "a 10.0.0.1, b 10.0.0.2" of all slices of a node.
std::string published(const ApiServer& server, const std::string& node) {
    std::string text;
    const auto slices = object(server, {"identityslices"});
    for (const auto& slice : slices.at("items")) {
        if (slice.at("spec").value("node", "") != node) continue;
        for (const auto& endpoint : slice.at("spec").at("endpoints"))
            text += (text.empty() ? "" : ", ") + endpoint.at("pod").get<std::string>() + " " +
                    endpoint.at("addresses").at(0).get<std::string>();
    }
    return text;
}

bool comes_to_be_published(const ApiServer& server, const std::string& node, const std::string& expected) {
    const bool is_so = wait_until([&] { return published(server, node) == expected; }, after(60s), 100ms);
    INFO("published of " << node << ": " << published(server, node));
    CHECK(is_so);
    return is_so;
}

TEST_CASE("a pod that its node's agent can't guard has an Event that says why") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank") + node_yaml("node-a"));
    run_agent(server, "node-a");
    run_pod(server, "teller", "node-a", "10.0.1.1");
    const ControllerProcess controller(server.kubeconfig());
    put(server, Json{{"apiVersion", "bulkhead.dev/v1alpha1"},
                     {"kind", "IdentitySlice"},
                     {"metadata", {{"name", "node-a-01234567"}, {"labels", {{"bulkhead.dev/node", "node-a"}}}}},
                     {"spec",
                      {{"node", "node-a"},
                       {"notGuarded", {{{"namespace", "bank"}, {"pod", "teller"}, {"why", "no-interface"}}}}}}}
                    .dump());
    const auto events = [&] { return kubectl(server, {"-n", "bank", "get", "events", "-o", "json"}); };
    CHECK(wait_until([&] { return events().find("finds no interface of it") != std::string::npos; }, after(20s), 50ms));
    const auto told = Json::parse(events());
    const auto& event = told.at("items").at(0);
    CHECK(event.at("reason") == "NotGuarded");
    CHECK(event.at("type") == "Warning");
    CHECK(event.at("involvedObject").at("kind") == "Pod");
    CHECK(event.at("involvedObject").at("name") == "teller");
}

TEST_CASE("an override that only a node was told has an Event of that Node") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank") + node_yaml("node-a"));
    run_agent(server, "node-a");
    const ControllerProcess controller(server.kubeconfig());
    put(server, Json{{"apiVersion", "bulkhead.dev/v1alpha1"},
                     {"kind", "IdentitySlice"},
                     {"metadata", {{"name", "node-a-01234567"}, {"labels", {{"bulkhead.dev/node", "node-a"}}}}},
                     {"spec",
                      {{"node", "node-a"},
                       {"overrides",
                        {{{"tenant", "bank"}, {"until", "2030-12-31T23:59:59Z"}, {"reason", "the till is down"}}}}}}}
                    .dump());
    const auto described = [&] { return kubectl(server, {"describe", "node", "node-a"}); };
    CHECK(wait_until([&] { return described().find("the till is down") != std::string::npos; }, after(20s), 50ms));
    CHECK(described().find("Overridden") != std::string::npos);
    CHECK(described().find("until 2030-12-31T23:59:59Z what tenant bank refuses passes on this node") !=
          std::string::npos);
}

TEST_CASE("a node without an agent is spoken for, and one whose agent goes away is too, until it is back") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("bank", "{bulkhead.dev/level: protected}") + node_yaml("fargate") + node_yaml("node-a"));
    run_agent(server, "node-a");
    // What that agent published before it went: of a pod that is there, and of one that no longer is.
    run_pod(server, "teller", "node-a", "10.0.1.1");
    put(server, Json{{"apiVersion", "bulkhead.dev/v1alpha1"},
                     {"kind", "IdentitySlice"},
                     {"metadata", {{"name", "node-a-01234567"}, {"labels", {{"bulkhead.dev/node", "node-a"}}}}},
                     {"spec",
                      {{"node", "node-a"},
                       {"endpoints", {{{"namespace", "bank"}, {"pod", "gone"}, {"addresses", {"10.0.1.9"}}}}}}}}
                    .dump());
    const ControllerProcess controller(server.kubeconfig());
    run_pod(server, "job", "fargate", "10.0.2.1");
    REQUIRE(comes_to_be_published(server, "fargate", "job 10.0.2.1"));
    const auto slices = object(server, {"identityslices", "-l", "bulkhead.dev/node=fargate"});
    const auto& slice = slices.at("items").at(0);
    CHECK(slice.at("spec").at("tenant") == "ns/bank");
    CHECK(slice.at("spec").at("level") == "protected");
    CHECK(slice.at("metadata").at("ownerReferences").at(0).at("name") == "fargate");
    // The other one's agent is at work: what it says is its own business, right or not.
    CHECK(published(server, "node-a") == "gone 10.0.1.9");

    // The agent goes. Its slice would lend a dead pod's tenant to whoever gets the address.
    remove_pod(server, kSystem, "agent-node-a");
    REQUIRE(comes_to_be_published(server, "node-a", "teller 10.0.1.1"));
    remove_pod(server, "bank", "teller");
    CHECK(comes_to_be_published(server, "node-a", ""));

    run_agent(server, "node-a");
    run_pod(server, "job", "fargate", "10.0.2.2"); // read after that, so it has been seen
    REQUIRE(comes_to_be_published(server, "fargate", "job 10.0.2.2"));
    run_pod(server, "late", "node-a", "10.0.1.2");
    run_pod(server, "job", "fargate", "10.0.2.3");
    REQUIRE(comes_to_be_published(server, "fargate", "job 10.0.2.3"));
    CHECK(published(server, "node-a").empty());
}

bool has_taint(const ApiServer& server, const std::string& node, const std::string& key) {
    const auto keys = kubectl(server, {"get", "node", node, "-o", "jsonpath={.spec.taints[*].key}"});
    return (" " + keys + " ").find(" " + key + " ") != std::string::npos;
}

TEST_CASE("the start-up taint goes when the node's agent is ready, and no other taint with it") {
    const ApiServer server = with_crds();
    const std::string taints =
        "[{key: bulkhead.dev/agent-not-ready, effect: NoSchedule}, "
        "{key: bulkhead.dev/agent-not-ready, effect: NoExecute}, {key: gpu, effect: NoSchedule}]";
    put(server, node_yaml("node-a", taints) + node_yaml("node-b", taints));
    run_agent(server, "node-a");
    run_agent(server, "node-b", false);
    const ControllerProcess controller(server.kubeconfig());
    const auto becomes_free = [&](const std::string& node) {
        return wait_until([&] { return !has_taint(server, node, "bulkhead.dev/agent-not-ready"); }, after(20s), 50ms);
    };
    REQUIRE(becomes_free("node-a"));
    CHECK(has_taint(server, "node-a", "gpu"));
    CHECK(has_taint(server, "node-b", "bulkhead.dev/agent-not-ready"));
    remove_pod(server, kSystem, "agent-node-b");
    run_agent(server, "node-b");
    CHECK(becomes_free("node-b"));
}

Json reach(const ApiServer& server) {
    const auto answer = server.kubectl({"get", "identityslice", "kube-apiserver", "-o", "json"});
    if (answer.status != 0) return Json::array();
    const auto slice = Json::parse(answer.output);
    CHECK(slice.at("metadata").at("labels").at("bulkhead.dev/scope") == "all"); // so that every agent hears it
    return slice.at("spec").at("kubeApiserver");
}

bool comes_to_reach(const ApiServer& server, const Json& expected) {
    const bool is_so = wait_until([&] { return reach(server) == expected; }, after(20s), 50ms);
    INFO(reach(server).dump(2));
    CHECK(is_so);
    return is_so;
}

std::string webhook_yaml(const std::string& name, const std::string& service) {
    return "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: " +
           name +
           "}\nwebhooks: [{name: a.example.com, sideEffects: None, admissionReviewVersions: [v1], failurePolicy: "
           "Ignore, rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [none]}], "
           "clientConfig: {service: " +
           service + "}}]\n---\n";
}

TEST_CASE("whom the API server calls is said for webhooks, APIServices and conversions, and no longer than they are") {
    const ApiServer server = with_crds();
    put(server, namespace_yaml("hooks") +
                    "apiVersion: v1\nkind: Service\nmetadata: {name: admit, namespace: hooks}\n"
                    "spec: {selector: {app: admit}, ports: [{name: a, port: 443, targetPort: 8443}, {name: b, port: "
                    "444, targetPort: metrics}]}\n---\n"
                    "apiVersion: v1\nkind: Service\nmetadata: {name: outside, namespace: hooks}\n"
                    "spec: {ports: [{port: 443}]}\n---\n" +
                    webhook_yaml("one", "{namespace: hooks, name: admit}") +
                    webhook_yaml("same", "{namespace: hooks, name: admit, port: 443}") +
                    webhook_yaml("selectorless", "{namespace: hooks, name: outside}"));
    const ControllerProcess controller(server.kubeconfig());
    const auto entry = [](const Json& port) {
        return Json{{"namespace", "hooks"},
                    {"service", "admit"},
                    {"selector", {{"app", "admit"}}},
                    {"ports", {{{"port", port}, {"protocol", "TCP"}}}}};
    };
    REQUIRE(comes_to_reach(server, Json::array({entry(8443)})));
    put(server, "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.metrics.example.com}\n"
                "spec: {group: metrics.example.com, version: v1, groupPriorityMinimum: 100, versionPriority: 100, "
                "insecureSkipTLSVerify: true, service: {namespace: hooks, name: admit, port: 444}}\n");
    REQUIRE(comes_to_reach(server, Json::array({entry(8443), entry("metrics")})));
    kubectl(server, {"delete", "validatingwebhookconfiguration", "one", "same"});
    REQUIRE(comes_to_reach(server, Json::array({entry("metrics")})));
    kubectl(server, {"delete", "apiservice", "v1.metrics.example.com"});
    CHECK(comes_to_reach(server, Json::array()));
}

} // namespace
} // namespace bulkhead::test
