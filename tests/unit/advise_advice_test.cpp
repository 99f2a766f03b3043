// SPDX-License-Identifier: Apache-2.0
//
// What is proposed for what was refused, and that it is what it says once it is applied.
#include "advise_fixture.h"

namespace bulkhead::advise {
namespace {

using flow::Kind;
using test::edge;
using test::pods_of;
using test::refusal;
using test::seen;
using test::something;
using namespace std::chrono_literals;

const auto kWeb = pods_of("blog", "Deployment/web");
const auto kLedger = pods_of("payments", "StatefulSet/ledger");

Refusal labelled(Refusal refusal, state::Labels source, state::Labels destination) {
    refusal.source_labels = std::move(source);
    refusal.destination_labels = std::move(destination);
    return refusal;
}

TEST_CASE("ports of two parties are one entry, with what was seen of each") {
    auto later = refusal(edge(kWeb, kLedger, 5432), seen(40));
    later.seen.last = test::kSeen + 1h;
    const auto advice = advise(
        {refusal(edge(kWeb, kLedger, 5432), seen(2)), later, refusal(edge(kWeb, kLedger, 9000, BH_UDP), seen(7))});
    REQUIRE(advice.entries.size() == 1);
    CHECK(advice.remarks.empty());
    const auto& entry = advice.entries.front();
    CHECK(entry.where == Entry::Where::kAccessGrant);
    CHECK(entry.ns == "payments");
    CHECK(entry.object == "ledger-from-blog-web");
    REQUIRE(entry.ports.size() == 2);
    CHECK(entry.ports[0].count == 42);
    CHECK(entry.ports[0].first == test::kSeen);
    CHECK(entry.ports[0].last == test::kSeen + 1h);
    CHECK(entry.ports[1].protocol == BH_UDP);
}

TEST_CASE("another party on either side is another entry, under a name of its own") {
    const auto other = GENERATE(values<flow::EdgeKey>({
        edge(pods_of("blog", "Deployment/cron"), kLedger, 5432),
        edge(pods_of("shop", "Deployment/web"), kLedger, 5432),
        edge(kWeb, pods_of("payments", "Deployment/api"), 5432),
        edge(pods_of("blog"), kLedger, 5432),
        edge(something(Kind::kWorld, "203.0.113.0/24"), kLedger, 5432),
    }));
    const auto advice = advise({refusal(edge(kWeb, kLedger, 5432)), refusal(other)});
    REQUIRE(advice.entries.size() == 2);
    CHECK(advice.entries[0].object != advice.entries[1].object);
}

TEST_CASE("names that would be the same are told apart, however long they are") {
    const std::string name(70, 'x');
    const auto advice =
        advise({refusal(edge(pods_of(name + "1"), kLedger, 1)), refusal(edge(pods_of(name + "2"), kLedger, 1))});
    REQUIRE(advice.entries.size() == 2);
    CHECK(advice.entries[0].object.size() <= 63);
    CHECK(advice.entries[1].object.size() <= 63);
    CHECK(advice.entries[0].object != advice.entries[1].object);
    test::objects_of(yaml_of(advice));
}

TEST_CASE("pods are selected by what names their workload, not by what tells them apart") {
    const auto [labels, chosen] = GENERATE(table<state::Labels, state::Labels>({
        {{{"app", "web"}, {"pod-template-hash", "7f"}, {"team", "a"}}, {{"app", "web"}}},
        {{{"app.kubernetes.io/name", "web"}, {"app.kubernetes.io/instance", "blue"}, {"app", "x"}},
         {{"app.kubernetes.io/name", "web"}, {"app.kubernetes.io/instance", "blue"}}},
        {{{"team", "a"}, {"controller-revision-hash", "1"}, {"statefulset.kubernetes.io/pod-name", "db-0"}},
         {{"team", "a"}}},
        {{{"pod-template-hash", "7f"}}, {}},
        {{}, {}},
    }));
    CHECK(selecting(labels) == chosen);
}

TEST_CASE("what no entry can let in is told with its reason, and nothing is proposed for it") {
    const auto [key, reason, word] = GENERATE(table<flow::EdgeKey, bh_reason, std::string>({
        {edge(something(Kind::kHost, "node-b"), kLedger, 443), BH_REASON_NOT_GRANTED, "externalTrafficPolicy"},
        {edge(something(Kind::kUnknown), kLedger, 443), BH_REASON_NOT_GRANTED, "nobody knows"},
        {edge(kWeb, kLedger, 443), BH_REASON_HELD, "not known"},
        {edge(kWeb, kLedger, 443), BH_REASON_SPOOFED, "reasons"},
        {edge(kWeb, kLedger, 0), BH_REASON_NOT_GRANTED, "one by one"},
        {edge(kWeb, kLedger, 0, 47), BH_REASON_NOT_GRANTED, "every protocol"},
        {edge(kWeb, something(Kind::kHost, "node-a"), 22), BH_REASON_CONFINED, "no node"},
        {edge(kWeb, something(Kind::kUnknown), 443), BH_REASON_NOT_GRANTED, "nobody knows"},
        {edge(kWeb, pods_of(""), 443), BH_REASON_NOT_GRANTED, "nobody knows"},
        {edge(pods_of(""), kLedger, 443), BH_REASON_NOT_GRANTED, "nobody knows"},
        {edge(kWeb, something(Kind::kWorld, "203.0.113.0/24"), 443), BH_REASON_NOT_GRANTED, "nobody knows"},
        {edge(something(Kind::kResource), kLedger, 443), BH_REASON_NOT_GRANTED, "nobody knows"},
        {edge(something(Kind::kService, "shop/web"), kLedger, 443), BH_REASON_AUDIT, "Service"},
        {edge(something(Kind::kWorld), kLedger, 443), BH_REASON_NOT_GRANTED, "a scan"},
        {edge(kWeb, something(Kind::kUnknown), 443), BH_REASON_CONFINED, "nobody knows"},
        {edge(kWeb, something(Kind::kService, "kubernetes"), 443), BH_REASON_CONFINED, "Service"},
        {edge(kWeb, something(Kind::kWorld), 443), BH_REASON_CONFINED_AUDIT, "a scan"},
    }));
    const auto advice = advise({refusal(key, seen(1, reason))});
    CHECK(advice.entries.empty());
    REQUIRE(advice.remarks.size() == 1);
    CHECK(advice.remarks.front().text.find(word) != std::string::npos);
    CHECK(test::objects_of(yaml_of(advice)).empty());
}

TEST_CASE("what belongs into somebody else's object is a comment, which applying it leaves out") {
    const auto advice = advise({refusal(edge(kWeb, something(Kind::kResource, "aurora"), 5432))});
    REQUIRE(advice.entries.size() == 1);
    CHECK(advice.entries.front().where == Entry::Where::kResourceFrom);
    const auto yaml = yaml_of(advice);
    CHECK(yaml.find("# AWSResource aurora, to be added to spec.allowFrom:") != std::string::npos);
    CHECK(test::objects_of(yaml).empty());
}

TEST_CASE("no entry lets in everybody: not whom nobody named, and not a Service") {
    std::vector<Refusal> refusals;
    for (const auto kind : {Kind::kPod, Kind::kHost, Kind::kService, Kind::kResource, Kind::kClusterDns,
                            Kind::kApiServer, Kind::kWorld, Kind::kUnknown})
        for (const auto reason : {BH_REASON_NOT_GRANTED, BH_REASON_CONFINED}) {
            refusals.push_back(refusal(edge(something(kind), kLedger, 443), seen(1, reason)));
            refusals.push_back(refusal(edge(kWeb, something(kind), 443), seen(1, reason)));
        }
    const auto yaml = yaml_of(advise(refusals));
    INFO(yaml);
    CHECK(yaml.find("world: true") == std::string::npos);
    CHECK(yaml.find("cidr: ") == std::string::npos);
    for (const auto& object : test::objects_of(yaml))
        CHECK(std::get<state::AccessGrant>(object).meta.ns == "payments");
}

TEST_CASE("what is wider than what was seen says so in the YAML") {
    const auto of = [](const Refusal& one) { return yaml_of(advise({one})); };
    const auto narrow = of(labelled(refusal(edge(kWeb, kLedger, 5432)), {{"app", "web"}}, {{"app", "ledger"}}));
    CHECK(narrow.find("# Wider") == std::string::npos);
    const auto wide = of(refusal(edge(kWeb, kLedger, 5432)));
    CHECK(wide.find("# Wider than what was seen: opens every pod of payments; means every pod of blog") !=
          std::string::npos);
    CHECK(test::objects_of(wide).size() == 1); // a comment, which changes nothing
    const auto network =
        labelled(refusal(edge(something(Kind::kWorld, "203.0.113.0/24"), kLedger, 443)), {}, {{"app", "ledger"}});
    CHECK(of(network).find("means all of 203.0.113.0/24") != std::string::npos);
    CHECK(of(refusal(edge(kWeb, something(Kind::kResource, "aurora"), 5432))).find("means every pod of blog") !=
          std::string::npos);
}

TEST_CASE("where a Tenant lets nobody write AccessGrants, an entry of its own is proposed") {
    auto one = labelled(refusal(edge(kWeb, kLedger, 5432)), {{"app", "web"}}, {{"app", "ledger"}});
    one.seen.destination_tenant = "bank";
    one.doors.access_grants = false;
    const auto advice = advise({one});
    REQUIRE(advice.entries.size() == 1);
    CHECK(advice.entries.front().where == Entry::Where::kTenantFrom);
    CHECK(advice.entries.front().object == "bank");
    const auto yaml = yaml_of(advice);
    CHECK(yaml.find("# Tenant bank, to be added to spec.allowFrom:") != std::string::npos);
    CHECK(test::objects_of(yaml).empty());
}

TEST_CASE("names and labels that YAML has other meanings for stay what they are") {
    const std::string word = GENERATE(as<std::string>(), "on", "1", "true", "2026-11-29", "0x1f", "1e3", "null", "No");
    const auto name = word == "No" ? std::string("no") : word;
    const auto yaml =
        yaml_of(advise({labelled(refusal(edge(pods_of(name), pods_of(name), 1)), {{"app", word}}, {{"app", word}})}));
    const auto objects = test::objects_of(yaml);
    REQUIRE(objects.size() == 1);
    const auto& grant = std::get<state::AccessGrant>(objects.front());
    CHECK(grant.meta.ns == name);
    const auto& peer = std::get<state::NamespacePeer>(grant.grant.from.front());
    CHECK(peer.ns == name);
    CHECK(peer.pods->matches({{"app", word}}));
    CHECK_FALSE(peer.pods->matches({{"app", "other"}}));
}

/// Every line of it is ours, and none of it means anything to a terminal.
void check_harmless(const std::string& yaml, size_t documents) {
    INFO(yaml);
    CHECK(yaml.find('\x1b') == std::string::npos);
    CHECK(yaml.find('\r') == std::string::npos);
    CHECK(yaml.find("\xe2\x80\xae") == std::string::npos);
    CHECK(("\n" + yaml).find("\napiVersion: v1") == std::string::npos);
    size_t found = 0;
    for (size_t at = 0; (at = ("\n" + yaml).find("\n---", at)) != std::string::npos; ++at)
        ++found;
    CHECK(found == documents);
}

TEST_CASE("no name that somebody wrote into a saved edge becomes YAML of its own, or speaks to the terminal") {
    const std::string evil = "x\r\n---\napiVersion: v1\nkind: Namespace\n\x1b]52;c;cG93bmVk\x07\xe2\x80\xae\"}\\";
    const state::Labels labels{{evil, evil}};
    const auto from = [&](const Refusal& one) { return yaml_of(advise({one})); };
    // In a namespace, a workload and labels of a grant, and as a resource.
    check_harmless(from(labelled(refusal(edge(pods_of(evil, evil), pods_of(evil, evil), 1)), labels, labels)), 1);
    check_harmless(from(refusal(edge(something(Kind::kResource, evil), kLedger, 1))), 1);
    // In a comment: a resource's list, a tenant's, and what isn't proposed.
    check_harmless(from(refusal(edge(kWeb, something(Kind::kResource, evil), 1))), 0);
    auto confined = refusal(edge(pods_of(evil, evil), kLedger, 1), seen(1, BH_REASON_CONFINED));
    confined.seen.source_tenant = evil;
    check_harmless(from(labelled(confined, labels, labels)), 0);
    check_harmless(from(refusal(edge(something(Kind::kHost, evil), pods_of(evil, evil), 1))), 0);
    check_harmless(from(refusal(edge(something(Kind::kHost, evil), something(Kind::kResource, evil), 1))), 0);
}

/// payments is protected; blog and shop are strangers.
test::World cluster() {
    test::World world;
    const auto labelled = [](const char* app) {
        state::PodTemplate common;
        common.labels = {{"app", app}};
        common.workload = {"Deployment", app};
        return common;
    };
    world.protect("payments").ns("blog").ns("shop");
    world.pod("payments/ledger-0", {"10.0.2.1"}, labelled("ledger"));
    world.pod("payments/api-0", {"10.0.2.2"}, labelled("api"));
    world.pod("blog/web-1", {"10.0.1.1"}, labelled("web"));
    world.pod("blog/cron-1", {"10.0.1.2"}, labelled("cron"));
    world.pod("shop/web-1", {"10.0.3.1"}, labelled("web"));
    return world;
}

TEST_CASE("what is proposed lets in what was refused, and nobody else anywhere else") {
    auto world = cluster();
    const auto web = pods_of("blog", "Deployment/web");
    const auto ledger = pods_of("payments", "Deployment/ledger");
    const auto refused = edge(web, ledger, 5432);
    const auto settings = test::settings_of("node-a");
    REQUIRE(Supposition(world.cluster, settings, {}).judge(refused, {}).refuses());

    const auto yaml = yaml_of(advise({labelled(refusal(refused), {{"app", "web"}}, {{"app", "ledger"}})}));
    const Supposition applied(world.cluster, settings, test::objects_of(yaml));
    CHECK(applied.judge(refused, {}).reason == BH_REASON_GRANTED);

    const auto stranger = GENERATE_COPY(values<flow::EdgeKey>({
        edge(web, ledger, 5433),
        edge(web, ledger, 5432, BH_UDP),
        edge(web, pods_of("payments", "Deployment/api"), 5432),
        edge(pods_of("blog", "Deployment/cron"), ledger, 5432),
        edge(pods_of("shop", "Deployment/web"), ledger, 5432),
        edge(something(Kind::kWorld), ledger, 5432),
    }));
    CHECK(applied.judge(stranger, {}).refuses());
}

TEST_CASE("a network of the world, a resource and a ping are let in as what they are") {
    auto world = cluster();
    world.put(test::resource("aurora", {"10.9.0.5/32"}));
    const auto settings = test::settings_of("node-a");
    const auto ledger = pods_of("payments", "Deployment/ledger");
    const std::vector<flow::EdgeKey> refused{
        edge(something(Kind::kWorld, "203.0.113.0/24"), ledger, 443),
        edge(something(Kind::kResource, "aurora"), ledger, 443),
        edge(pods_of("blog", "Deployment/web"), ledger, 0, BH_ICMP),
    };
    std::vector<Refusal> refusals;
    for (const auto& key : refused) {
        REQUIRE(Supposition(world.cluster, settings, {}).judge(key, {}).refuses());
        refusals.push_back(refusal(key));
    }
    const Supposition applied(world.cluster, settings, test::objects_of(yaml_of(advise(refusals))));
    for (const auto& key : refused)
        CHECK(applied.judge(key, {}).reason == BH_REASON_GRANTED);
    CHECK(applied.judge(edge(something(Kind::kWorld, "203.0.114.0/24"), ledger, 443), {}).refuses());
    CHECK(applied.judge(edge(something(Kind::kResource, "aurora"), ledger, 444), {}).refuses());
}

} // namespace
} // namespace bulkhead::advise
