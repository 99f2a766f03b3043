// SPDX-License-Identifier: Apache-2.0
//
// What explain proposes for one packet that is refused: applied, it passes, and a stranger's still doesn't.
#include "advise/remedy.h"

#include <yaml-cpp/yaml.h>

#include "advise_fixture.h"

namespace bulkhead::advise {
namespace {

using flow::Kind;

constexpr const char* kLedgerIp = "10.0.2.1";
constexpr const char* kWebIp = "10.0.1.1";

constexpr const char* kPayments = R"(
apiVersion: bulkhead.dev/v1alpha1
kind: Tenant
metadata: {name: payments}
spec:
  namespaces: [payments]
  level: protected
)";
constexpr const char* kBlog = R"(
apiVersion: bulkhead.dev/v1alpha1
kind: Tenant
metadata: {name: blog}
spec: {namespaces: [blog]}
)";
constexpr const char* kAurora = R"(
apiVersion: bulkhead.dev/v1alpha1
kind: AWSResource
metadata: {name: aurora}
spec: {addresses: {cidrs: [10.9.0.0/24]}}
)";

constexpr const char* kByTag = R"(
apiVersion: bulkhead.dev/v1alpha1
kind: AWSResource
metadata: {name: databases}
spec: {tenantFrom: {tag: team}, addresses: {resourceTags: {team: "*"}}}
)";

/// Objects as their owners wrote them; what is proposed is written into them, as a reviewer would.
class Written {
public:
    explicit Written(std::vector<std::string> texts) {
        for (const auto& text : texts)
            add(YAML::Load(text));
    }

    Written& set(const std::string& object, const std::string& field, const std::string& value) {
        objects_.at(object)["spec"][field] = YAML::Load(value);
        return *this;
    }

    /// Whole objects, and elements for the list that `field` names; annotations are the pods' own.
    void apply(const Proposal& proposal) {
        if (proposal.field.empty()) return add(YAML::Load(proposal.yaml));
        if (proposal.field == "metadata.annotations") {
            expose_ = YAML::Load(proposal.yaml)["bulkhead.dev/expose"].as<std::string>();
            return;
        }
        REQUIRE(objects_.contains(proposal.object));
        auto spec = objects_.at(proposal.object)["spec"];
        const auto elements = YAML::Load(proposal.yaml);
        auto list = list_in(spec, proposal.field);
        for (const auto& element : elements)
            list.push_back(element);
    }

    std::vector<state::Object> objects() const {
        std::string text;
        for (const auto& [name, object] : objects_)
            text += "---\n" + YAML::Dump(object) + "\n";
        return test::objects_of(text);
    }

    const std::string& expose() const { return expose_; }

private:
    void add(const YAML::Node& object) {
        const auto meta = object["metadata"];
        const auto ns = meta["namespace"] ? meta["namespace"].as<std::string>() + "/" : "";
        objects_[object["kind"].as<std::string>() + " " + ns + meta["name"].as<std::string>()] = object;
    }

    /// "spec.allowFrom" or "spec.trusted[0].ports"
    static YAML::Node list_in(YAML::Node spec, const std::string& field) {
        if (field == "spec.trusted[0].ports") return spec["trusted"][0]["ports"];
        REQUIRE(field.starts_with("spec."));
        return spec[field.substr(5)];
    }

    std::map<std::string, YAML::Node> objects_;
    std::string expose_;
};

/// blog and payments, of two pods each; shop, a node and a network of the world.
test::World cluster_of(const Written& written) {
    test::World world;
    const auto labelled = [&](const char* app, const std::string& expose = "") {
        state::PodTemplate common;
        common.labels = {{"app", app}, {"pod-template-hash", "7f"}};
        common.workload = {"Deployment", app};
        common.expose = expose;
        return common;
    };
    for (auto& object : written.objects())
        world.put(std::move(object));
    world.ns("payments").ns("blog").ns("shop");
    world.pod("payments/ledger-0", {kLedgerIp}, labelled("ledger", written.expose()));
    world.pod("payments/api-0", {"10.0.2.2"}, labelled("api"));
    world.pod("blog/web-1", {kWebIp}, labelled("web"));
    world.pod("blog/cron-1", {"10.0.1.2"}, labelled("cron"));
    world.pod("shop/till-1", {"10.0.3.1"}, labelled("till"));
    auto node = test::named<state::Node>("node-b");
    node.addresses = {test::address("10.0.0.2")};
    world.put(node);
    return world;
}

struct Asked {
    std::string src;
    std::string dst;
    flow::Party source;
    flow::Party destination;
    state::Labels source_labels{};
    state::Labels destination_labels{};
    uint16_t port = 5432;
    uint8_t protocol = BH_TCP;
};

const auto kWebPods = test::pods_of("blog", "Deployment/web");
const auto kLedgerPods = test::pods_of("payments", "Deployment/ledger");
const Asked kWebToLedger{kWebIp, kLedgerIp, kWebPods, kLedgerPods, {{"app", "web"}}, {{"app", "ledger"}}};

std::vector<Need> needs(test::World& world, const Asked& asked) {
    const auto& desired = world.desired();
    const auto src = world.id(asked.src);
    const auto dst = world.id(asked.dst);
    auto sighting = test::seen(1, world.ask(asked.src, asked.dst, asked.port, asked.protocol));
    sighting.source_tenant = desired.names.contains(src) ? desired.names.at(src).tenant : "";
    sighting.destination_tenant = desired.names.contains(dst) ? desired.names.at(dst).tenant : "";
    return needs_of({.refusal = {.edge = test::edge(asked.source, asked.destination, asked.port, asked.protocol),
                                 .seen = sighting,
                                 .source_labels = asked.source_labels,
                                 .destination_labels = asked.destination_labels},
                     .packet = {.src = test::address(asked.src.c_str()),
                                .dst = test::address(asked.dst.c_str()),
                                .protocol = asked.protocol,
                                .port = asked.port},
                     .source = src,
                     .destination = dst,
                     .destination_pod = asked.dst == kLedgerIp ? "payments/ledger-0" : ""},
                    desired, world.cluster);
}

bh_verdict verdict(const Written& written, const std::string& src, const std::string& dst, uint16_t port = 5432,
                   uint8_t protocol = BH_TCP) {
    return bh_verdict_of(cluster_of(written).ask(src, dst, port, protocol));
}

/// Who asked passes, the others don't.
void check_narrow(const Written& written, const std::string& dst) {
    CHECK(verdict(written, kWebIp, dst) == BH_VERDICT_ALLOW);
    CHECK(verdict(written, kWebIp, dst, 5433) == BH_VERDICT_DENY);
    CHECK(verdict(written, kWebIp, dst, 5432, BH_UDP) == BH_VERDICT_DENY);
    CHECK(verdict(written, "10.0.1.2", dst) == BH_VERDICT_DENY);
    CHECK(verdict(written, "10.0.3.1", dst) == BH_VERDICT_DENY);
    CHECK(verdict(written, "203.0.113.9", dst) == BH_VERDICT_DENY);
}

TEST_CASE("remedy: an AccessGrant of the owner's, which lets in who asked and no stranger") {
    Written written({kPayments, kBlog});
    auto world = cluster_of(written);
    const auto found = needs(world, kWebToLedger);
    REQUIRE(found.size() == 1);
    CHECK(found[0].line == 9);
    REQUIRE(found[0].any_of.size() == 1);
    CHECK(found[0].any_of[0].object == "AccessGrant payments/ledger-from-blog-web");
    CHECK(found[0].any_of[0].note.empty());
    CHECK(found[0].any_of[0].yaml.find("time") == std::string::npos); // nothing was seen
    written.apply(found[0].any_of[0]);
    check_narrow(written, kLedgerIp);
    CHECK(verdict(written, kWebIp, "10.0.2.2") == BH_VERDICT_DENY);
}

TEST_CASE("remedy: where the Tenant lets nobody grant, an entry of its own allowFrom") {
    Written written({kPayments, kBlog});
    written.set("Tenant payments", "accessGrants", "false");
    auto world = cluster_of(written);
    const auto found = needs(world, kWebToLedger);
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].any_of.size() == 1);
    CHECK(found[0].any_of[0].object == "Tenant payments");
    CHECK(found[0].any_of[0].field == "spec.allowFrom");
    written.apply(found[0].any_of[0]);
    check_narrow(written, kLedgerIp);
    CHECK(verdict(written, kWebIp, "10.0.2.2") == BH_VERDICT_DENY);
}

TEST_CASE("remedy: an AWS resource's own allowFrom") {
    Written written({kPayments, kBlog, kAurora});
    auto world = cluster_of(written);
    const auto found =
        needs(world, {kWebIp, "10.9.0.7", kWebPods, test::something(Kind::kResource, "aurora"), {{"app", "web"}}});
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].any_of.size() == 1);
    CHECK(found[0].any_of[0].object == "AWSResource aurora");
    CHECK(found[0].any_of[0].field == "spec.allowFrom");
    CHECK(found[0].any_of[0].note.empty());
    written.apply(found[0].any_of[0]);
    check_narrow(written, "10.9.0.7");
}

TEST_CASE("remedy: an AWS resource whose addresses are several tenants' is opened as a whole, and that is said") {
    Written written({kPayments, kBlog, kByTag});
    auto world = cluster_of(written);
    state::IdentitySlice slice;
    slice.meta.name = "resource-databases-0";
    slice.resource = "databases";
    slice.addresses = {*Cidr::parse("10.9.0.7")};
    slice.owners = {{slice.addresses.front(), {{.tenant = "payments"}}}};
    world.put(slice);
    const auto found =
        needs(world, {kWebIp, "10.9.0.7", kWebPods, test::something(Kind::kResource, "databases"), {{"app", "web"}}});
    REQUIRE(found.size() == 1);
    CHECK(found[0].any_of.at(0).object == "AWSResource databases");
    CHECK(found[0].any_of.at(0).note == "opens all of databases, whosever each address is by its tag");
}

TEST_CASE(
    "remedy: what a confined pod sends to a protected one needs both sides' word, and either alone is not enough") {
    Written written({kPayments, kBlog});
    written.set("Tenant blog", "confined", "true");
    auto world = cluster_of(written);
    const auto found = needs(world, kWebToLedger);
    REQUIRE(found.size() == 2);
    CHECK(found[0].line == 2);
    CHECK(found[1].line == 9);
    REQUIRE(found[0].any_of.size() == 1);
    CHECK(found[0].any_of[0].object == "Tenant blog");
    CHECK(found[0].any_of[0].field == "spec.allowTo");
    written.apply(found[0].any_of[0]);
    CHECK(verdict(written, kWebIp, kLedgerIp) == BH_VERDICT_DENY);
    written.apply(found[1].any_of.at(0));
    check_narrow(written, kLedgerIp);
}

TEST_CASE("remedy: in audit mode the same is proposed before anything is refused") {
    Written written({kPayments, kBlog});
    written.set("Tenant payments", "mode", "audit");
    auto world = cluster_of(written);
    REQUIRE(world.ask(kWebIp, kLedgerIp, 5432) == BH_REASON_AUDIT);
    const auto found = needs(world, kWebToLedger);
    REQUIRE(found.size() == 1);
    written.apply(found[0].any_of.at(0));
    written.set("Tenant payments", "mode", "enforce");
    check_narrow(written, kLedgerIp);
}

TEST_CASE("remedy: who is trusted on other ports may also be trusted on this one") {
    Written written({kPayments, kBlog});
    written.set("Tenant blog", "trusted", "[{podSelector: {matchLabels: {app: web}}, ports: [{port: 9090}]}]");
    auto world = cluster_of(written);
    auto found = needs(world, kWebToLedger);
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].any_of.size() == 2);
    CHECK(found[0].any_of[1].object == "Tenant blog");
    CHECK(found[0].any_of[1].field == "spec.trusted[0].ports");
    CHECK(found[0].any_of[1].note.find("every tenant") != std::string::npos);
    written.apply(found[0].any_of[1]);
    check_narrow(written, kLedgerIp);

    Written sealed({kPayments, kBlog});
    sealed.set("Tenant blog", "trusted", "[{podSelector: {matchLabels: {app: web}}, ports: [{port: 9090}]}]");
    sealed.set("Tenant payments", "sealed", "true"); // trust opens nothing there
    auto other = cluster_of(sealed);
    found = needs(other, kWebToLedger);
    REQUIRE(found.size() == 1);
    CHECK(found[0].any_of.size() == 1);
}

TEST_CASE("remedy: a node is nobody's peer, so the pod's port has to be everybody's") {
    Written written({kPayments, kBlog});
    const Asked asked{"10.0.0.2",  kLedgerIp, test::something(Kind::kHost, "node-b"),
                      kLedgerPods, {},        {{"app", "ledger"}}};
    SECTION("by the pod's annotation") {
        auto world = cluster_of(written);
        const auto found = needs(world, asked);
        REQUIRE(found.size() == 1);
        REQUIRE(found[0].any_of.size() == 1);
        CHECK(found[0].any_of[0].object == "pod template of payments/ledger-0");
        CHECK(found[0].instead.find("externalTrafficPolicy") != std::string::npos); // what may be better
        written.apply(found[0].any_of[0]);
    }
    SECTION("by the Tenant, where it lets no pod expose itself") {
        written.set("Tenant payments", "podExpose", "false");
        auto world = cluster_of(written);
        const auto found = needs(world, asked);
        REQUIRE(found.size() == 1);
        REQUIRE(found[0].any_of.size() == 1);
        CHECK(found[0].any_of[0].field == "spec.expose");
        written.apply(found[0].any_of[0]);
    }
    CHECK(verdict(written, "10.0.0.2", kLedgerIp) == BH_VERDICT_ALLOW);
    CHECK(verdict(written, "10.0.3.1", kLedgerIp) == BH_VERDICT_ALLOW); // everybody
    CHECK(verdict(written, "10.0.0.2", kLedgerIp, 5433) == BH_VERDICT_DENY);
    CHECK(verdict(written, "10.0.0.2", "10.0.2.2") == BH_VERDICT_DENY);
}

TEST_CASE("remedy: an address of the world is let in alone") {
    Written written({kPayments, kBlog});
    auto world = cluster_of(written);
    const auto found = needs(world, {"203.0.113.9",
                                     kLedgerIp,
                                     test::something(Kind::kWorld, "203.0.113.9/32"),
                                     kLedgerPods,
                                     {},
                                     {{"app", "ledger"}}});
    REQUIRE(found.size() == 1);
    written.apply(found[0].any_of.at(0));
    CHECK(verdict(written, "203.0.113.9", kLedgerIp) == BH_VERDICT_ALLOW);
    CHECK(verdict(written, "203.0.113.8", kLedgerIp) == BH_VERDICT_DENY);
}

TEST_CASE("remedy: without a label that tells pods apart it says whom else it lets in") {
    Written written({kPayments, kBlog});
    auto world = cluster_of(written);
    const auto found = needs(world, {kWebIp, kLedgerIp, test::pods_of("blog"), test::pods_of("payments")});
    REQUIRE(found.size() == 1);
    const auto& note = found[0].any_of.at(0).note;
    CHECK(note.find("opens every pod of payments") != std::string::npos);
    CHECK(note.find("every pod of blog") != std::string::npos);
}

TEST_CASE("remedy: what nothing can allow says where to look instead") {
    Written written({kPayments, kBlog});
    written.set("Tenant blog", "confined", "true");
    auto world = cluster_of(written);
    const auto [reason, word] = GENERATE(table<bh_reason, std::string>({
        {BH_REASON_SPOOFED, "reasons"},
        {BH_REASON_MALFORMED, "reasons"},
        {BH_REASON_HELD, "endpoints"},
    }));
    Refused refused{.refusal = test::refusal(test::edge(kWebPods, kLedgerPods, 1), test::seen(1, reason)),
                    .packet = {.src = test::address(kWebIp), .dst = test::address(kLedgerIp), .port = 1},
                    .source = world.id(kWebIp),
                    .destination = world.id(kLedgerIp),
                    .destination_pod = {}};
    const auto found = needs_of(refused, world.desired(), world.cluster);
    REQUIRE(found.size() == 1);
    CHECK(found[0].any_of.empty());
    CHECK(found[0].instead.find(word) != std::string::npos);

    const auto node = needs(world, {kWebIp, "10.0.0.2", kWebPods, test::something(Kind::kHost, "node-b")});
    REQUIRE(node.size() == 1);
    CHECK(node[0].line == 2);
    CHECK(node[0].any_of.empty());
    CHECK(node[0].instead.find("no node") != std::string::npos);
}

} // namespace
} // namespace bulkhead::advise
