// SPDX-License-Identifier: Apache-2.0
//
// The whole way of docs/migration.md, with real packets: look, plan, audit, advise, apply, enforce.
#include <fstream>

#include "edges_support.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kLedger = 5432, kUdp = 9000, kHealth = 8080;

/// Nobody is protected. blog/spy talks to nobody while it is looked on.
struct Street {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place ledger = add_pod_of(net, kNodeA, "payments", "ledger", 20);
    Place api = add_pod_of(net, kNodeA, "payments", "api", 21);
    Place web = add_pod_of(net, kNodeA, "shop", "web", 22);
    Place cron = add_pod_of(net, kNodeB, "shop", "cron", 23);
    Place spy = add_pod_of(net, kNodeA, "blog", "spy", 24);
    EchoServer answers = require(EchoServer::start(ledger.netns, {kLedger, kUdp, kHealth}));

    Street() {
        for (const char* ns : {"shop", "blog"})
            net.manifests().write(std::string(ns) + ".yaml", namespace_text(ns));
        set_level({});
    }
    void set_level(const Labels& labels) const {
        net.manifests().write("payments.yaml", namespace_text("payments", labels));
    }
};

/// What goes on in the street, and what each is called.
struct Traffic {
    const Place& from;
    uint8_t protocol;
    uint16_t port;
    std::string text;

    bool passes(const Place& ledger) const {
        const Endpoint to{ledger.ip4, port};
        return protocol == BH_TCP ? answers_tcp(from.netns, to, after(600ms))
                                  : answers_udp(from.netns, to, after(600ms));
    }
};

std::vector<Traffic> usual(const Street& street) {
    const std::string to = " -> payments/Deployment/ledger ";
    return {{street.web, BH_TCP, kLedger, "shop/Deployment/web" + to + "5432/TCP"},
            {street.web, BH_UDP, kUdp, "shop/Deployment/web" + to + "9000/UDP"},
            {street.cron, BH_TCP, kLedger, "shop/Deployment/cron" + to + "5432/TCP"},
            {street.api, BH_TCP, kLedger, "payments/Deployment/api" + to + "5432/TCP"},
            {street.node, BH_TCP, kHealth, "host node-a" + to + "8080/TCP"}};
}

std::vector<Traffic> strangers(const Street& street) {
    return {{street.spy, BH_TCP, kLedger, "another namespace"},
            {street.web, BH_TCP, kHealth, "another port"},
            {street.web, BH_UDP, kLedger, "another protocol"},
            {street.cron, BH_UDP, kUdp, "another workload"}};
}

/// Which of it passes.
std::set<std::string> passing(const std::vector<Traffic>& traffic, const Place& ledger) {
    std::set<std::string> texts;
    for (const auto& one : traffic)
        if (one.passes(ledger)) texts.insert(one.text);
    return texts;
}

std::set<std::string> all_of(const std::vector<Traffic>& traffic) {
    std::set<std::string> texts;
    for (const auto& one : traffic)
        texts.insert(one.text);
    return texts;
}

std::set<std::string> without(std::set<std::string> all, const std::set<std::string>& some) {
    std::erase_if(all, [&](const auto& text) { return some.contains(text); });
    return all;
}

bool contains_all(const std::set<std::string>& all, const std::set<std::string>& some) {
    return without(some, all).empty();
}

std::string written(const Street& street, const std::string& name, const std::string& text) {
    const auto path = street.net.directory() / name;
    std::ofstream(path) << text;
    return path;
}

TEST_CASE("look, plan, audit, advise, apply, enforce: what went on goes on, and strangers stay out") {
    const Street street;
    const auto traffic = usual(street);
    const auto everything = all_of(traffic);
    const auto agent = AgentProcess::start(street.net, street.node, {});
    REQUIRE(passing(traffic, street.ledger) == everything);
    REQUIRE(wait_until([&] { return contains_all(edges_of(agent, "allowed"), everything); }, after(20s)));

    const Json plan = agent.ask({"plan", "--protect", "payments"});
    const auto planned =
        texts_of(plan.at("losses"), [](const Json& loss) { return loss.at("would") == "not-granted"; });
    CHECK(planned == std::set<std::string>{traffic[0].text, traffic[1].text, traffic[2].text});
    CHECK(planned.size() == plan.at("losses").size());

    street.set_level({{"bulkhead.dev/level", "protected"}});
    agent.wait_for_verdict(street.web.name, street.ledger.name + ":5432", "deny");
    CHECK(passing(traffic, street.ledger) == without(everything, planned)); // the plan was right

    street.set_level({{"bulkhead.dev/level", "protected"}, {"bulkhead.dev/mode", "audit"}});
    agent.wait_for_verdict(street.web.name, street.ledger.name + ":5432", "audit");
    CHECK(passing(traffic, street.ledger) == everything);
    CHECK(wait_until([&] { return edges_of(agent, "audit") == planned; }, after(20s)));

    const auto [status, advice] = agent.order({"advise", "--tenant", "ns/payments"});
    REQUIRE(status == 0);
    INFO(advice);
    const auto nothing = written(street, "nothing.yaml", namespace_text("blog"));
    CHECK(agent.order({"advise", "--tenant", "ns/payments", "--check", nothing}).first == 1);
    const auto [good, checked] =
        agent.order({"advise", "--tenant", "ns/payments", "--check", written(street, "advice.yaml", advice)});
    INFO(checked);
    CHECK(good == 0);
    street.net.manifests().write("advice.yaml", advice);
    street.set_level({{"bulkhead.dev/level", "protected"}});
    agent.wait_for_verdict(street.spy.name, street.ledger.name + ":5432", "deny");
    agent.wait_for_verdict(street.web.name, street.ledger.name + ":5432", "allow");
    CHECK(passing(traffic, street.ledger) == everything);
    CHECK(passing(strangers(street), street.ledger).empty());
}

} // namespace
} // namespace bulkhead::test
