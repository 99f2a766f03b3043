// SPDX-License-Identifier: Apache-2.0
//
// What explain proposes for a denial, told to the agent that made it: then the real packet passes.
#include "ctl_support.h"

namespace bulkhead::test {
namespace {

TEST_CASE("what explain says would allow a denied conversation does, and lets nobody else in") {
    const TwoPods pods;
    const Place till = pods.net.add(kNodeA, "shop/till", 23);
    pods.net.manifests().write("shop.yaml", namespace_text("shop"));
    const auto agent = AgentProcess::start(pods.net, pods.node, {});
    REQUIRE_FALSE(answers_tcp(pods.web.netns, {pods.ledger.ip4, 22}, after(500ms)));

    const Json denied = agent.ask({"explain", "blog/web", "payments/ledger-0:22"});
    REQUIRE(denied.at("verdict") == "deny");
    const auto& needs = denied.at("wouldAllow");
    INFO(needs.dump(2));
    REQUIRE(needs.size() == 1);
    REQUIRE(needs.at(0).at("anyOf").size() == 1);
    pods.net.manifests().write("allowed.yaml", needs.at(0).at("anyOf").at(0).at("yaml").get<std::string>());
    agent.wait_for_verdict("blog/web", "payments/ledger-0:22", "allow");
    CHECK(agent.problems().empty());
    CHECK(answers_tcp(pods.web.netns, {pods.ledger.ip4, 22}, after(5s)));
    CHECK(answers_tcp(pods.web.netns, {pods.ledger.ip6, 22}, after(5s)));
    CHECK_FALSE(answers_tcp(till.netns, {pods.ledger.ip4, 22}, after(500ms)));
    CHECK_FALSE(agent.ask({"explain", "blog/web", "payments/ledger-0:22"}).contains("wouldAllow"));

    const auto text = agent.order({"explain", "shop/till", "payments/ledger-0:22"}).second;
    CHECK(text.find("what would allow it:\n\n  AccessGrant payments/") != std::string::npos);
}

} // namespace
} // namespace bulkhead::test
