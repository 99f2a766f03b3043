// SPDX-License-Identifier: Apache-2.0
//
// What one node says of its pods is what the other node's agent then knows of them.
#include <nlohmann/json.hpp>

#include "base/rfc3339.h"
#include "compile/label_keys.h"
#include "compile_world.h"
#include "publish/slices.h"
#include "source/decode.h"
#include "source/reader.h"
#include "state/labels.h"

using namespace bulkhead;
using namespace bulkhead::test;
using Json = nlohmann::json;

namespace {

state::PodTemplate api() {
    state::PodTemplate common;
    common.labels = {{"app", "api"}, {"pod-template-hash", "5d9"}};
    common.service_account = "ledger";
    common.workload = {"Deployment", "api"};
    common.expose = "http";
    common.ports = {{"http", BH_TCP, 8080}, {"dns", BH_UDP, 53}, {"", BH_TCP, 9999}};
    return common;
}

/// node-a runs payments/api and blog/web; a rule asks for the label app.
World node_a() {
    World world(settings_of("node-a"));
    world.ns("blog").ns("payments");
    auto object = tenant("payments", {"payments"}, state::Level::kProtected);
    object.allow_from = {grant({from_tenant("blog", label_is("app", "web"))})};
    world.put(object).put(tenant("blog", {"blog"}));
    world.pod("payments/api", {}, api(), "node-a").pod("blog/web", {}, {}, "node-a");
    world.local({local_pod(1, "payments/api", {"10.0.1.1", "fd00::1"}), local_pod(2, "blog/web", {"10.0.1.2"})});
    return world;
}

std::map<std::string, Json> published(World& world) {
    std::map<std::string, Json> by_tenant;
    for (const auto& [name, text] :
         publish::slices_of(world.cluster, world.desired(), "node-a", compile::label_keys(world.cluster))) {
        auto slice = Json::parse(text);
        CHECK(slice.at("metadata").at("name") == name);
        const auto tenant = slice.at("spec").at("tenant").get<std::string>();
        by_tenant[tenant] = std::move(slice);
    }
    return by_tenant;
}

} // namespace

TEST_CASE("a node's slices are one for each tenant, with what others need to know and nothing else") {
    auto world = node_a();
    const auto slices = published(world);
    REQUIRE(slices.size() == 2);
    const auto& payments = slices.at("payments").at("spec");
    CHECK(payments.at("node") == "node-a");
    CHECK(payments.at("level") == "protected");
    CHECK(slices.at("blog").at("spec").at("level") == "non-protected");
    CHECK(payments.at("labelKeys") == Json{"app"});
    CHECK(payments.at("endpoints") == Json::parse(R"([{"namespace": "payments", "pod": "api",
        "addresses": ["10.0.1.1", "fd00::1"], "workload": "Deployment/api", "serviceAccount": "ledger", "expose": "http", "labels": {"app": "api"},
        "ports": [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}]}])"));
    const auto& labels = slices.at("payments").at("metadata").at("labels");
    CHECK(labels.at("bulkhead.dev/node") == "node-a");
    CHECK(labels.at("bulkhead.dev/tenant") == "payments");
    CHECK(labels.at("bulkhead.dev/scope") == state::scope_of("payments"));
}

TEST_CASE("a slice says when a pod came to its node or got its address, where that is long after its creation") {
    struct Row {
        std::optional<int> bound, addressed; // seconds after its creation
        std::optional<int> said;
    };
    const std::vector<Row> rows{{{}, {}, {}},       {{}, 30, {}},       {{}, 31, 31},    {3600, {}, 3600},
                                {3600, 3605, 3600}, {3600, 7200, 7200}, {3600, 10, 3600}};
    const state::Time created(std::chrono::sys_days(std::chrono::year(2026) / 11 / 27));
    const auto after = [&](std::optional<int> seconds) {
        return seconds ? std::optional(created + std::chrono::seconds(*seconds)) : std::nullopt;
    };
    for (const auto& [bound, addressed, said] : rows) {
        CAPTURE(bound.value_or(-1), addressed.value_or(-1));
        auto world = node_a();
        auto object = pod("blog/web", "node-a", {}, {});
        object.created = created;
        object.since = after(bound);
        world.put(object);
        auto local = local_pod(2, "blog/web", {"10.0.1.2"});
        local.addressed = after(addressed);
        world.local({local});
        const auto endpoint = published(world).at("blog").at("spec").at("endpoints").at(0);
        CHECK(endpoint.contains("since") == said.has_value());
        if (said) CHECK(endpoint.at("since") == rfc3339(*after(said)));
    }
}

TEST_CASE("what a slice says, its reader knows") {
    auto world = node_a();
    auto slice = published(world).at("payments");
    state::Pool pool;
    std::optional<state::IdentitySlice> read;
    auto text = slice.dump();
    text.reserve(text.size() + source::kJsonPadding);
    REQUIRE(source::read_json(text, [&](const source::Value& document) {
        auto decoded = source::decode(document, "server", pool);
        REQUIRE(decoded.object);
        read = std::get<state::IdentitySlice>(std::move(*decoded.object));
    }));
    REQUIRE(read->pods.size() == 1);
    const auto& pod = read->pods[0];
    CHECK(pod.ips == std::vector<Address>{address("10.0.1.1"), address("fd00::1")});
    CHECK(pod.common->service_account == "ledger");
    CHECK(pod.common->workload == state::Workload{"Deployment", "api"});
    CHECK(pod.common->expose == "http");
    CHECK(pod.common->labels == state::Labels{{"app", "api"}});
    CHECK(pod.common->known_labels == std::set<std::string>{"app"});
    CHECK(pod.common->ports == std::vector<state::ContainerPort>{{"http", BH_TCP, 8080}, {"dns", BH_UDP, 53}});
}

TEST_CASE("pods that the node can't guard are told of in a slice that no other agent needs") {
    auto world = node_a();
    const state::NotGuardedPods pods{{"blog/web", state::NotGuarded::kNoProgram},
                                     {"shop/till", state::NotGuarded::kNoInterface}};
    const auto slices = publish::slices_of(world.cluster, world.desired(), "node-a", {}, pods);
    CHECK(slices.size() == 3);
    std::vector<Json> telling;
    for (const auto& [name, text] : slices)
        if (auto slice = Json::parse(text); slice.at("spec").contains("notGuarded")) telling.push_back(slice);
    REQUIRE(telling.size() == 1);
    CHECK(telling[0].at("spec") == Json::parse(R"({"node": "node-a", "notGuarded": [
        {"namespace": "blog", "pod": "web", "why": "no-program"},
        {"namespace": "shop", "pod": "till", "why": "no-interface"}]})"));
    CHECK(telling[0].at("metadata").at("labels") == Json{{"bulkhead.dev/node", "node-a"}});
    const auto name = telling[0].at("metadata").at("name").get<std::string>();
    CHECK(name.size() == std::string("node-a-01234567").size()); // as admission asks for
}

TEST_CASE("an override that only this node was told stands in a slice, and none that the API server tells of") {
    auto world = node_a();
    const auto override_of = [](const std::string& name, const std::string& tenant, bool only_here, int hours = 1) {
        auto object = named<state::Override>(name);
        object.tenant = tenant;
        object.until = state::Cluster::machine_time() + std::chrono::hours(hours);
        object.reason = tenant + std::string(1000, 'x');
        object.only_here = only_here;
        return object;
    };
    world.put(override_of("drill", "payments", false)).put(override_of("node-a/over", "blog", true, -1));
    CHECK(publish::slices_of(world.cluster, world.desired(), "node-a", {}).size() == 2);
    const auto here = override_of("node-a/payments", "payments", true);
    world.put(here).put(override_of("node-a/everybody", "", true));
    Json told;
    const auto slices = publish::slices_of(world.cluster, world.desired(), "node-a", {});
    CHECK(slices.size() == 3);
    for (const auto& [name, text] : slices)
        if (auto slice = Json::parse(text); slice.at("spec").contains("overrides")) told = slice.at("spec");
    REQUIRE(told.is_object());
    CHECK(told.at("node") == "node-a");
    CHECK_FALSE(told.contains("notGuarded"));
    REQUIRE(told.at("overrides").size() == 2);
    CHECK_FALSE(told.at("overrides").at(0).contains("tenant"));
    CHECK(told.at("overrides").at(1).at("tenant") == "payments");
    CHECK(told.at("overrides").at(1).at("until") == rfc3339(here.until));
    CHECK(told.at("overrides").at(1).at("reason").get<std::string>().size() == 500);
    for (int i = 0; i < 100; ++i)
        world.put(override_of("node-a/" + std::to_string(i), std::to_string(i), true));
    for (const auto& [name, text] : publish::slices_of(world.cluster, world.desired(), "node-a", {}))
        CHECK(text.size() < 20'000);
}

TEST_CASE("who isn't known to be somebody is not published") {
    auto world = node_a();
    auto pods = world.cluster.local_pods();
    pods[3] = local_pod(3, "", {"10.0.1.3"});               // a veth of an unknown pod
    pods[4] = local_pod(4, "nowhere/lost", {"10.0.1.4"});   // its namespace isn't known
    pods[5] = local_pod(5, "blog/unbound", {});             // has no address yet
    pods[6] = local_pod(6, "blog/elsewhere", {"10.0.1.6"}); // only a slice tells of it: it has left
    world.cluster.set_local_pods(pods);
    world.pod("nowhere/lost", {}, {}, "node-a").pod("blog/unbound", {}, {}, "node-a");
    auto told = pod("blog/elsewhere", "node-b", {}, {address("10.0.2.6")});
    told.slice = "node-b-1";
    world.put(told);
    const auto slices = published(world);
    REQUIRE(slices.size() == 2);
    CHECK(slices.at("blog").at("spec").at("endpoints").size() == 1);
    CHECK(slices.at("payments").at("spec").at("endpoints").size() == 1);
}

TEST_CASE("a label that nobody asks for is no reason to write, one that somebody begins to ask for is") {
    auto world = node_a();
    const auto before = published(world);
    auto relabelled = api();
    relabelled.labels["pod-template-hash"] = "77c";
    world.pod("payments/api", {}, relabelled, "node-a");
    CHECK(published(world) == before);
    auto object = named<state::AccessGrant>("g", "payments");
    object.grant = grant({from_tenant("blog", label_is("tier", "front"))});
    world.put(object);
    CHECK(published(world).at("blog").at("spec").at("labelKeys") == Json{"app", "tier"});
}

TEST_CASE("a slice goes with its node") {
    auto world = node_a();
    CHECK_FALSE(published(world).at("blog").at("metadata").contains("ownerReferences"));
    auto node = named<state::Node>("node-a");
    node.uid = "1-2-3";
    world.put(node);
    const auto slices = published(world);
    CHECK(slices.at("blog").at("metadata").at("ownerReferences") ==
          Json::parse(R"([{"apiVersion": "v1", "kind": "Node", "name": "node-a", "uid": "1-2-3"}])"));
}

TEST_CASE("tenants whose names share a hash have a slice each, with their own tenant's labels") {
    World world(settings_of("node-a")); // "liquid" and "costarring" collide in FNV-1a
    world.ns("one").ns("two").put(tenant("liquid", {"one"})).put(tenant("costarring", {"two"}));
    world.pod("one/a", {}, {}, "node-a").pod("two/b", {}, {}, "node-a");
    world.local({local_pod(1, "one/a", {"10.0.1.1"}), local_pod(2, "two/b", {"10.0.1.2"})});
    const auto slices = published(world);
    REQUIRE(slices.size() == 2);
    std::map<std::string, std::string> names; // by tenant
    for (const auto& [tenant, slice] : slices) {
        names[tenant] = slice.at("metadata").at("name");
        CHECK(slice.at("spec").at("endpoints").size() == 1);
        CHECK(slice.at("metadata").at("labels").at("bulkhead.dev/tenant") == tenant);
        CHECK(slice.at("metadata").at("labels").at("bulkhead.dev/scope") == state::scope_of(tenant));
    }
    const auto number = state::scope_number("liquid");
    CHECK(names.at("costarring") == "node-a-" + state::scope_text(number));
    CHECK(names.at("liquid") == "node-a-" + state::scope_text(number + 1));
}

TEST_CASE("what a tenant asks for in grants makes slices grow to a bound, and leaves others' keys in them") {
    auto world = node_a();
    const auto asking = [](const std::string& ns, const std::string& prefix, int count) {
        auto object = named<state::AccessGrant>("g", ns);
        state::Selector keys;
        for (int i = 0; i < count; ++i)
            keys.terms.push_back(
                {.key = prefix + std::to_string(i), .op = state::Selector::Term::Op::kExists, .values = {}});
        object.grant = grant({from_tenant("blog", keys)});
        return object;
    };
    world.put(asking("payments", "a", 500)).put(asking("blog", "z", 1));
    const auto keys = published(world).at("blog").at("spec").at("labelKeys").get<std::set<std::string>>();
    CHECK(keys.size() == 128);
    for (const auto* key : {"app", "a0", "z0"})
        CHECK(keys.contains(key));
}

TEST_CASE("what a tenant writes into its pods gets no entry beyond some 8 KiB, and what is left out is told") {
    auto world = node_a();
    auto much = api();
    much.expose = std::string(200'000, '1');
    for (int i = 0; i < 5000; ++i)
        much.ports.push_back({"port-number-" + std::to_string(i % 1000), BH_UDP, static_cast<uint16_t>(i + 1)});
    for (int i = 0; i < 100; ++i)
        much.labels["label" + std::to_string(i)] = std::string(63, 'x');
    world.pod("payments/api", {}, much, "node-a");
    const auto payments = [&] { return published(world).at("payments").at("spec"); };
    CHECK(payments().dump().size() < 8192);
    CHECK(payments().at("endpoints").at(0).at("ports").size() == 64);
    CHECK(payments().at("endpoints").at(0).at("labels") == Json{{"app", "api"}});
    const auto& pod = world.cluster.pods().at("payments/api");
    const auto told = [&](const std::set<std::string>& keys) {
        std::vector<std::string> fields;
        for (const auto& problem : publish::left_out_of(pod, keys)) {
            CHECK(problem.object == "Pod payments/api");
            fields.push_back(problem.field);
        }
        return fields;
    };
    using Fields = std::vector<std::string>;
    CHECK_FALSE(payments().at("endpoints").at(0).contains("expose"));
    CHECK(told({"app"}) == Fields{"metadata.annotations[bulkhead.dev/expose]", "spec.containers"});

    auto asking = named<state::AccessGrant>("g", "payments");
    state::Selector keys;
    for (int i = 0; i < 100; ++i)
        keys.terms.push_back(
            {.key = "label" + std::to_string(i), .op = state::Selector::Term::Op::kExists, .values = {}});
    asking.grant = grant({from_tenant("payments", keys)});
    world.put(asking);
    // A label that is left out mustn't count as one that isn't there.
    CHECK_FALSE(payments().at("endpoints").at(0).contains("labels"));
    CHECK(payments().at("labelKeys").empty());
    CHECK(payments().dump().size() < 8192);
    CHECK(told(compile::label_keys(world.cluster)) ==
          Fields{"metadata.labels", "metadata.annotations[bulkhead.dev/expose]", "spec.containers"});
    CHECK(publish::left_out_of(world.cluster.pods().at("blog/web"), compile::label_keys(world.cluster)).empty());
}

TEST_CASE("a pod with too many labels takes its neighbours' from nobody") {
    auto world = node_a();
    auto much = api();
    much.labels["app"] = std::string(4000, 'x');
    world.pod("payments/much", {}, much, "node-a");
    auto pods = world.cluster.local_pods();
    pods[3] = local_pod(3, "payments/much", {"10.0.1.3"});
    world.cluster.set_local_pods(pods);
    std::map<std::string, Json> spec_of; // by pod
    for (const auto& [name, text] : publish::slices_of(world.cluster, world.desired(), "node-a", {"app"})) {
        const auto spec = Json::parse(text).at("spec");
        for (const auto& endpoint : spec.at("endpoints"))
            spec_of[endpoint.at("pod")] = spec;
    }
    CHECK(spec_of.at("api").at("labelKeys") == Json{"app"});
    CHECK(spec_of.at("api").at("endpoints").at(0).at("labels") == Json{{"app", "api"}});
    CHECK(spec_of.at("much").at("labelKeys").empty());
    CHECK(spec_of.at("much").at("tenant") == "payments");
}

namespace {

/// node-a with so many pods of one tenant, each with an entry of some 3 KiB.
World crowded(int count) {
    World world(settings_of("node-a"));
    world.ns("bank");
    std::map<uint16_t, state::LocalPod> pods;
    for (int i = 1; i <= count; ++i) {
        const auto key = "bank/pod-" + std::to_string(i);
        state::PodTemplate common;
        common.labels["app"] = std::string(3000, 'x');
        world.pod(key, {}, common, "node-a");
        const auto slot = static_cast<uint16_t>(i);
        pods[slot] = local_pod(slot, key, {"10.0." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1)});
    }
    world.cluster.set_local_pods(pods);
    return world;
}

std::map<std::string, std::string> slice_of_each_pod(World& world) {
    std::map<std::string, std::string> slices;
    for (const auto& [name, text] : publish::slices_of(world.cluster, world.desired(), "node-a", {"app"})) {
        CHECK(text.size() < 300'000);
        CHECK(name.size() == std::string("node-a-01234567").size());
        const auto slice = Json::parse(text);
        CHECK(slice.at("metadata").at("labels").at("bulkhead.dev/scope") == state::scope_of("ns/bank"));
        for (const auto& endpoint : slice.at("spec").at("endpoints"))
            slices[endpoint.at("pod")] = name;
    }
    return slices;
}

} // namespace

TEST_CASE("a slice that would get too large is several, and a pod that comes or goes moves no other") {
    auto world = crowded(400);
    const auto before = slice_of_each_pod(world);
    REQUIRE(before.size() == 400);
    std::set<std::string> names;
    for (const auto& [pod, name] : before)
        names.insert(name);
    CHECK(names.size() > 4);
    CHECK(names.size() <= 16);
    for (const int gone : {1, 200, 400}) {
        auto pods = world.cluster.local_pods();
        pods.erase(static_cast<uint16_t>(gone));
        world.cluster.set_local_pods(pods);
        auto rest = before;
        auto after = slice_of_each_pod(world);
        rest.erase("pod-" + std::to_string(gone));
        CHECK(after == rest);
        pods[static_cast<uint16_t>(gone)] =
            local_pod(static_cast<uint16_t>(gone), "bank/pod-" + std::to_string(gone), {"10.9.9.9"});
        world.cluster.set_local_pods(pods);
    }
    auto few = crowded(80);
    names.clear();
    for (const auto& [pod, name] : slice_of_each_pod(few))
        names.insert(name);
    CHECK(names == std::set<std::string>{"node-a-" + state::scope_of("ns/bank")});
}

TEST_CASE("of a node without an agent its Pod objects are published, those that have addresses of their own") {
    World world(settings_of(""));
    world.protect("bank").ns("shop");
    auto on_host = api();
    on_host.host_network = true;
    auto done = pod("bank/done", "fargate-1", {}, {address("10.0.3.3")});
    done.finished = true;
    world.pod("bank/teller", {"10.0.3.1", "fd00::31"}, api(), "fargate-1")
        .pod("shop/web", {"10.0.3.2"}, {}, "fargate-2")
        .pod("shop/starting", {}, {}, "fargate-1")
        .pod("bank/daemon", {"10.0.0.7"}, on_host, "fargate-1")
        .pod("nowhere/lost", {"10.0.3.4"}, {}, "fargate-1")
        .pod("shop/guarded", {"10.0.3.5"}, {}, "node-a")
        .put(done);
    std::vector<state::Problem> problems;
    compile::SourcesByOwner sources;
    const compile::Tenancy tenancy(world.cluster, settings_of(""), problems, sources);
    std::map<std::string, std::string> pods; // by node
    for (const auto& [name, text] : publish::slices_of_pods(world.cluster, tenancy, {"fargate-1", "fargate-2"})) {
        const auto spec = Json::parse(text).at("spec");
        CHECK(spec.at("level") == (spec.at("tenant") == "ns/bank" ? "protected" : "non-protected"));
        for (const auto& endpoint : spec.at("endpoints"))
            pods[spec.at("node")] += endpoint.at("pod").get<std::string>() + endpoint.at("addresses").dump();
    }
    CHECK(pods == std::map<std::string, std::string>{{"fargate-1", R"(teller["10.0.3.1","fd00::31"])"},
                                                     {"fargate-2", R"(web["10.0.3.2"])"}});
}
