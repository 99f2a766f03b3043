// SPDX-License-Identifier: Apache-2.0
//
// Whom explain asks about what. The kernel's answer is made up here; tests/node has the real one.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "observe/explain.h"

using namespace bulkhead;
using namespace bulkhead::observe;

namespace {

constexpr uint32_t kWebVeth = 11;
constexpr uint32_t kApiVeth = 12;
constexpr uint32_t kUplink = 2;

Address address(const char* text) {
    return Address::parse(text).value();
}

state::Pod pod(const char* ns, const char* name, const char* node, std::vector<Address> ips) {
    state::Pod pod;
    pod.ns = ns;
    pod.name = name;
    pod.node = node;
    pod.common = std::make_shared<state::PodTemplate>();
    pod.ips = std::move(ips);
    return pod;
}

state::LocalPod local(uint16_t slot, const char* key, uint32_t ifindex, std::vector<Address> addresses) {
    state::LocalPod local;
    local.slot = slot;
    local.generation = 1;
    local.pod = key;
    local.ifindexes = {ifindex};
    local.addresses = std::move(addresses);
    return local;
}

/// node-a with blog/web and payments/api, node-b with payments/vault, and a database.
struct Scene {
    state::Cluster cluster;
    compile::Desired desired;
    std::string node = "node-a";
    bool armed = true;

    std::optional<datapath::Hook> hook; // what the kernel was asked last
    bool from_pod_judges = false;       // as it does of what ends on this node, if the sender is confined
    datapath::Circumstances circumstances;
    size_t packet_size = 0;
    datapath::Rehearsal answer;

    Scene() {
        cluster.put(pod("blog", "web", "node-a", {address("10.0.1.10")}));
        cluster.put(pod("payments", "api", "node-a", {address("10.0.1.30")}));
        cluster.put(pod("payments", "vault", "node-b", {address("10.0.2.30"), address("fd00::30")}));
        cluster.put(pod("payments", "late", "node-a", {}));
        state::AwsResource aurora;
        aurora.meta.name = "aurora";
        aurora.cidrs = {Cidr::parse("10.0.200.0/24").value()};
        cluster.put(aurora);
        cluster.set_local_pods({{1, local(1, "blog/web", kWebVeth, {address("10.0.1.10"), address("fd00::10")})},
                                {2, local(2, "payments/api", kApiVeth, {address("10.0.1.30")})}});
        own("10.0.0.11", "this node", BH_ENDPOINT_THIS_NODE);
        own("10.0.2.30", "payments/vault", 0);
        desired.identities[20] = {.tenant = 1, .flags = BH_PROTECTED | BH_POD | BH_SEALED, .key_hash = 1};
        desired.names[20] = {.tenant = "payments", .what = "pods"};
        desired.sources["payments"] = {"Tenant payments spec.namespaces[0]", "Tenant payments spec.level",
                                       "by default"};
        desired.origins[77] = "Tenant payments spec.allowFrom[0]";
        answer.judged = true;
        answer.reason = BH_REASON_GRANTED;
        answer.src_identity = BH_IDENTITY_WORLD;
        answer.dst_identity = 20;
        answer.origin = 77;
    }

    void own(const char* text, const char* owner, uint16_t flags) {
        desired.endpoints[address(text)] = {.row = {.identity = 20, .slot = 0, .flags = flags}, .owner = owner};
    }

    /// The vault's pods are confined, and every other address is of the world.
    void confine_vault() {
        desired.identities[BH_IDENTITY_WORLD] = {};
        desired.identities[21] = {.tenant = 1, .flags = BH_CONFINED | BH_POD, .key_hash = 2};
        desired.endpoints[address("10.0.2.30")].row.identity = 21;
        own("10.0.1.30", "payments/api", 0);
        answer.src_identity = 21;
    }

    Result<Json> ask(const std::string& src, const std::string& dst, std::optional<uint16_t> port = 8443,
                     const std::string& protocol = "TCP", uint8_t family = 0) {
        const Stage stage{.rehearse = [this](datapath::Hook at, std::span<const std::byte> packet,
                                             const datapath::Circumstances& how) -> Result<datapath::Rehearsal> {
                              hook = at;
                              circumstances = how;
                              packet_size = packet.size();
                              auto said = answer;
                              if (at == datapath::Hook::kFromPod) said.judged = from_pod_judges;
                              return said;
                          },
                          .interface_name = [](uint32_t ifindex) { return "if" + std::to_string(ifindex); },
                          .uplinks = {kUplink},
                          .armed = armed};
        return explain({.src = src, .dst = dst, .protocol = protocol, .port = port, .family = family},
                       {cluster, desired, node}, stage);
    }
};

} // namespace

TEST_CASE("towards a local pod its own veth judges, and the sender is told by its veth") {
    Scene scene;
    const auto answer = scene.ask("blog/web", "payments/api");
    REQUIRE(answer);
    CHECK(scene.hook == datapath::Hook::kToPod);
    CHECK(scene.circumstances.ifindex == kApiVeth);
    CHECK(scene.circumstances.ingress_ifindex == kWebVeth);
    CHECK_FALSE(scene.circumstances.local_socket);
    CHECK((*answer)["judge"] == Json{{"node", "node-a"}, {"hook", "to_pod"}, {"interface", "if12"}});
}

TEST_CASE("this node's own packets come from no interface and from a socket, another's from the uplink") {
    Scene scene;
    REQUIRE(scene.ask("10.0.0.11", "payments/api"));
    CHECK(scene.circumstances.ingress_ifindex == 0);
    CHECK(scene.circumstances.local_socket);
    REQUIRE(scene.ask("payments/vault", "payments/api"));
    CHECK(scene.circumstances.ingress_ifindex == kUplink);
    CHECK_FALSE(scene.circumstances.local_socket);
}

TEST_CASE("towards a resource the uplink judges, towards this node the sender's veth") {
    Scene scene;
    REQUIRE(scene.ask("blog/web", "aurora", 5432));
    CHECK(scene.hook == datapath::Hook::kUplink);
    CHECK(scene.circumstances.ifindex == kUplink);
    CHECK(scene.circumstances.ingress_ifindex == kWebVeth);
    scene.from_pod_judges = true;
    REQUIRE(scene.ask("blog/web", "10.0.0.11", 22));
    CHECK(scene.hook == datapath::Hook::kFromPod);
    CHECK(scene.circumstances.ifindex == kWebVeth);
    scene.from_pod_judges = false;
    const auto unjudged = scene.ask("blog/web", "10.0.0.11", 22);
    REQUIRE(unjudged);
    CHECK((*unjudged)["verdict"] == "allow");
    CHECK((*unjudged)["judge"].is_null());
}

TEST_CASE("what the sender's veth judges is the answer, whatever comes after") {
    Scene scene;
    scene.from_pod_judges = true;
    const auto answer = scene.ask("blog/web", "aurora", 5432);
    REQUIRE(answer);
    CHECK(scene.hook == datapath::Hook::kFromPod);
    CHECK((*answer)["judge"]["hook"] == "from_pod");
}

TEST_CASE("the answer is the kernel's: line, identities and origin") {
    Scene scene;
    const auto answer = scene.ask("blog/web", "payments/api");
    REQUIRE(answer);
    CHECK((*answer)["verdict"] == "allow");
    CHECK((*answer)["reason"] == "granted");
    CHECK((*answer)["line"] == 8);
    CHECK((*answer)["origin"] == "Tenant payments spec.allowFrom[0]");
    CHECK((*answer)["dst"]["tenant"] == "payments");
    CHECK((*answer)["dst"]["level"] == "protected");
    CHECK((*answer)["dst"]["tenantFrom"] == "Tenant payments spec.namespaces[0]");
    CHECK((*answer)["dst"]["levelFrom"] == "Tenant payments spec.level");
    CHECK((*answer)["dst"]["modeFrom"] == "by default");
    CHECK_FALSE((*answer)["src"].contains("levelFrom"));
    CHECK((*answer)["dst"]["sealed"] == true);
}

TEST_CASE("while the kernel is asleep the answer says so") {
    Scene scene;
    CHECK((*scene.ask("blog/web", "payments/api"))["notes"].empty());
    scene.armed = false;
    CHECK((*scene.ask("blog/web", "payments/api"))["notes"].size() == 1);
}

TEST_CASE("where another node judges, that node is named and no verdict is made up") {
    Scene scene;
    scene.answer.judged = false; // the uplink leaves it to the pod's node
    const auto answer = scene.ask("blog/web", "payments/vault");
    REQUIRE(answer);
    CHECK((*answer)["judge"] == Json{{"node", "node-b"}});
    CHECK_FALSE(answer->contains("reason"));
    CHECK((*answer)["verdict"] == "judged elsewhere");
}

TEST_CASE("line 2 of a confined pod of another node is judged there, and this node does not say allow for it") {
    Scene scene;
    scene.confine_vault();
    const auto answer = scene.ask("payments/vault", "blog/web", 80);
    REQUIRE(answer);
    CHECK(scene.hook == datapath::Hook::kToPod);
    CHECK((*answer)["verdict"] == "judged elsewhere");
    CHECK((*answer)["judge"] == Json{{"node", "node-b"}});
    CHECK((*answer)["judgedBefore"] == Json{{"node", "node-b"}, {"line", 2}});
    CHECK_FALSE(answer->contains("reason"));
    CHECK((*answer)["notes"].dump().find("node node-b judges line 2") != std::string::npos);

    scene.answer.verdict = BH_VERDICT_DENY; // whatever node-b says, it ends here
    scene.answer.reason = BH_REASON_NOT_GRANTED;
    const auto denied = scene.ask("payments/vault", "blog/web", 80);
    REQUIRE(denied);
    CHECK((*denied)["verdict"] == "deny");
    CHECK((*denied)["line"] == 9);
    CHECK((*denied)["judgedBefore"]["node"] == "node-b");
}

TEST_CASE("where line 2 lets a confined pod of another node pass, the verdict stands, and its node is named") {
    Scene scene;
    scene.confine_vault();
    const auto answer = scene.ask("payments/vault", "payments/api");
    REQUIRE(answer);
    CHECK((*answer)["verdict"] == "allow");
    CHECK((*answer)["line"] == 8);
    CHECK((*answer)["judgedBefore"] == Json{{"node", "node-b"}, {"line", 2}});
    scene.answer.src_identity = 20;
    CHECK_FALSE(scene.ask("payments/api", "blog/web")->contains("judgedBefore")); // of this node
}

TEST_CASE("two other nodes' pods: the destination's node judges, and the source's line 2") {
    Scene scene;
    scene.confine_vault();
    scene.cluster.put(pod("blog", "far", "node-c", {address("10.0.3.10")}));
    scene.cluster.put(pod("blog", "beside", "node-b", {address("10.0.2.10")}));
    const auto far = scene.ask("payments/vault", "blog/far");
    REQUIRE(far);
    CHECK((*far)["judge"] == Json{{"node", "node-c"}});
    CHECK((*far)["judgedBefore"]["node"] == "node-b");
    const auto beside = scene.ask("payments/vault", "blog/beside");
    REQUIRE(beside);
    CHECK((*beside)["judge"] == Json{{"node", "node-b"}});
    CHECK_FALSE(beside->contains("judgedBefore"));
}

TEST_CASE("without a port explain asks about a ping, and says so") {
    Scene scene;
    const auto answer = scene.ask("blog/web", "payments/api", std::nullopt, "");
    REQUIRE(answer);
    CHECK((*answer)["protocol"] == "ICMP");
    CHECK_FALSE(answer->contains("port"));
    CHECK((*answer)["notes"] == Json{"no port is given: this is about an ICMP echo"});
    CHECK((*scene.ask("blog/web", "payments/api", 80, ""))["protocol"] == "TCP");
}

TEST_CASE("between strangers nobody judges") {
    Scene scene;
    const auto answer = scene.ask("192.0.2.1", "aurora", 5432);
    REQUIRE(answer);
    CHECK_FALSE(scene.hook);
    CHECK((*answer)["judge"].is_null());
}

TEST_CASE("a family is chosen that both have, or the one that is asked for") {
    Scene scene;
    REQUIRE(scene.ask("fd00::99", "blog/web"));
    CHECK(scene.packet_size == 14 + 40 + 20);
    REQUIRE(scene.ask("payments/vault", "blog/web"));
    CHECK(scene.packet_size == 14 + 20 + 20);
    REQUIRE(scene.ask("payments/vault", "blog/web", 80, "TCP", BH_IPV6));
    CHECK(scene.packet_size == 14 + 40 + 20);
    CHECK_FALSE(scene.ask("fd00::99", "payments/api"));
}

TEST_CASE("a block's first address stands for its resource") {
    Scene scene;
    const auto answer = scene.ask("blog/web", "aurora", 5432);
    REQUIRE(answer);
    CHECK((*answer)["dst"]["address"] == "10.0.200.1");
    CHECK((*answer)["dst"]["name"] == "aurora");
}

TEST_CASE("questions that can't be answered say why") {
    Scene scene;
    const auto why = [&](Result<Json> answer) { return answer ? std::string("answered") : answer.error().text; };
    CHECK(why(scene.ask("blog/web", "payments/api", std::nullopt)).find("port is needed") != std::string::npos);
    CHECK(why(scene.ask("blog/web", "payments/api", std::nullopt, "icmp")) == "answered");
    CHECK(why(scene.ask("blog/web", "payments/api", 1, "gre")).find("GRE") != std::string::npos);
    CHECK(why(scene.ask("blog/web", "payments/none")).find("no pod payments/none") != std::string::npos);
    CHECK(why(scene.ask("blog/web", "nothing")).find("\"nothing\"") != std::string::npos);
    CHECK(why(scene.ask("blog/web", "payments/late")).find("no veth of it is guarded") != std::string::npos);
}

TEST_CASE("what goes to a Service depends on the endpoint, and nobody pretends to know") {
    Scene scene;
    scene.desired.endpoints[address("172.20.0.9")] = {.row = {.identity = BH_IDENTITY_SERVICE, .slot = 0, .flags = 0},
                                                      .owner = "service payments/api"};
    scene.answer.dst_identity = BH_IDENTITY_SERVICE;
    scene.answer.reason = BH_REASON_OPEN;
    const auto answer = scene.ask("blog/web", "172.20.0.9");
    REQUIRE(answer);
    CHECK((*answer)["verdict"] == "depends on the endpoint");
    CHECK((*answer)["dst"]["name"] == "service payments/api");
    CHECK_FALSE(answer->contains("reason"));
    CHECK((*answer)["notes"].dump().find("service payments/api stands for its endpoints") != std::string::npos);
}

TEST_CASE("a denial ends with what would allow it, for review; what passes with nothing") {
    Scene scene;
    state::PodTemplate web;
    web.labels = {{"app", "web"}};
    auto labelled = pod("blog", "web", "node-a", {address("10.0.1.10")});
    labelled.common = std::make_shared<state::PodTemplate>(web);
    scene.cluster.put(labelled);
    scene.desired.identities[BH_IDENTITY_WORLD] = {};
    scene.desired.identities[22] = {.tenant = 3, .flags = BH_POD, .key_hash = 3};
    scene.desired.names[22] = {.tenant = "ns/blog", .what = "pods"};
    scene.own("10.0.1.10", "blog/web", 0);
    scene.desired.endpoints[address("10.0.1.10")].row.identity = 22;
    scene.own("10.0.1.30", "payments/api", 0);
    CHECK_FALSE(scene.ask("blog/web", "payments/api")->contains("wouldAllow"));

    scene.answer.src_identity = 22;
    scene.answer.origin = 0;
    const auto [verdict, reason] = GENERATE(table<bh_verdict, bh_reason>({{BH_VERDICT_DENY, BH_REASON_NOT_GRANTED},
                                                                          {BH_VERDICT_AUDIT, BH_REASON_AUDIT},
                                                                          {BH_VERDICT_ALLOW, BH_REASON_ASLEEP}}));
    scene.answer.verdict = verdict;
    scene.answer.reason = reason;
    const auto answer = scene.ask("blog/web", "payments/api");
    REQUIRE(answer);
    REQUIRE((*answer)["wouldAllow"].size() == 1);
    const auto& need = (*answer)["wouldAllow"][0];
    CHECK(need["line"] == 9);
    REQUIRE(need["anyOf"].size() == 1);
    CHECK(need["anyOf"][0]["object"].get<std::string>().starts_with("AccessGrant payments/"));
    const auto yaml = need["anyOf"][0]["yaml"].get<std::string>();
    CHECK(yaml.find("namespace: blog") != std::string::npos);
    CHECK(yaml.find("app: web") != std::string::npos);
    CHECK(yaml.find("8443") != std::string::npos);
}

TEST_CASE("a denial that nothing can allow says where to look instead") {
    Scene scene;
    scene.desired.identities[BH_IDENTITY_WORLD] = {};
    scene.answer.verdict = BH_VERDICT_DENY;
    scene.answer.reason = BH_REASON_HELD;
    scene.answer.origin = 0;
    const auto answer = scene.ask("192.0.2.1", "payments/api");
    REQUIRE(answer);
    REQUIRE((*answer)["wouldAllow"].size() == 1);
    CHECK((*answer)["wouldAllow"][0]["anyOf"].empty());
    CHECK((*answer)["wouldAllow"][0]["instead"].get<std::string>().find("bulkheadctl endpoints") != std::string::npos);
}
