// SPDX-License-Identifier: Apache-2.0
//
// TargetGroupBindings and Services -> AccessGrants, and what of them is to be written.
#include "controller/load_balancers.h"
#include "controller_talk.h"
#include "controller_value.h"

using namespace bulkhead;
using namespace bulkhead::controller;

namespace {

constexpr auto kGroup = "sg-0123456789abcdef0";

/// "8080", or "http".
Json number_or_name(const std::string& text) {
    return text.find_first_not_of("0123456789") == std::string::npos ? Json(std::stoi(text)) : Json(text);
}

Json service(const Json& more = Json::object()) {
    Json spec{{"selector", {{"app", "web"}}},
              {"ports",
               {{{"name", "http"}, {"port", 80}, {"targetPort", 8080}},
                {{"name", "named"}, {"port", 81}, {"targetPort", "metrics"}},
                {{"name", "games"}, {"port", 82}, {"targetPort", 9000}, {"protocol", "UDP"}}}}};
    spec.update(more);
    return {{"metadata", {{"name", "web"}, {"namespace", "shop"}}}, {"spec", spec}};
}

const Json kOfGroup{{"securityGroup", {{"groupID", kGroup}}}};
const Json kOfSubnet{{"ipBlock", {{"cidr", "10.0.240.0/24"}}}};

Json binding(const Json& ingress, const std::string& type = "ip", const std::string& port = "80") {
    return {{"metadata", {{"name", "k8s-web"}, {"namespace", "shop"}, {"uid", "u-1"}, {"resourceVersion", "5"}}},
            {"spec",
             {{"targetGroupARN", "arn:aws:..."},
              {"targetType", type},
              {"serviceRef", {{"name", "web"}, {"port", number_or_name(port)}}},
              {"networking", {{"ingress", ingress}}}}}};
}

Json rule(const Json& from, const Json& ports = Json::array()) {
    return {{"from", from}, {"ports", ports}};
}

/// A cluster whose namespace shop is Protected and has the Service web.
struct World {
    World() {
        observed.services.put(value(service()));
        state::Namespace shop;
        shop.meta.name = "shop";
        cluster.put(shop);
        put_tenant(true);
    }

    void put_tenant(bool access_grants, state::Level level = state::Level::kProtected) {
        state::Tenant tenant;
        tenant.meta.name = "retail";
        tenant.namespaces = {"shop"};
        tenant.level = level;
        tenant.access_grants = access_grants;
        cluster.put(tenant);
    }

    void put_resource(const std::string& name, const std::function<void(state::AwsResource&)>& change = {}) {
        state::AwsResource resource;
        resource.meta.name = name;
        resource.look_ups.security_groups = {kGroup};
        if (change) change(resource);
        cluster.put(resource);
    }

    std::map<std::string, Json> grants(const Json& of) {
        problems.clear();
        Kept<Binding> bindings(read_binding);
        bindings.put(value(of));
        std::vector<state::Problem> told_elsewhere;
        compile::SourcesByOwner unused;
        const compile::Tenancy tenancy(cluster, {}, told_elsewhere, unused);
        return grants_of("shop/k8s-web", *bindings.find("shop/k8s-web"),
                         {.services = observed.services, .cluster = cluster, .tenancy = tenancy}, problems);
    }

    /// That nothing is granted, and why.
    void refuses(const Json& of, const std::string& field, const std::string& why) {
        INFO(why);
        CHECK(grants(of).empty());
        REQUIRE(problems.size() == 1);
        CHECK(problems.front().object == "TargetGroupBinding shop/k8s-web");
        CHECK(problems.front().field == field);
        CHECK(problems.front().text.find(why) != std::string::npos);
    }

    Observed observed;
    state::Cluster cluster;
    std::vector<state::Problem> problems;
};

Json ports_in(const std::map<std::string, Json>& grants) {
    REQUIRE(grants.size() == 1);
    return grants.begin()->second.at("ports");
}

} // namespace

TEST_CASE("a binding opens its Service's pods to what it names, on the ports that it names") {
    World world;
    world.put_resource("albs");
    const auto grants = world.grants(binding(Json::array({rule({kOfGroup, kOfSubnet}, {{{"port", 8080}}})})));
    REQUIRE(grants.size() == 1);
    CHECK(grants.begin()->first == "shop/tgb-0-k8s-web");
    CHECK(grants.begin()->second == Json{{"podSelector", {{"matchLabels", {{"app", "web"}}}}},
                                         {"from", {{{"awsResource", "albs"}}, {{"cidr", "10.0.240.0/24"}}}},
                                         {"ports", {{{"port", 8080}, {"protocol", "TCP"}}}},
                                         {"reason", "made by bulkhead-controller of TargetGroupBinding k8s-web"}});
    CHECK(world.problems.empty());
}

TEST_CASE("each entry of ingress is an AccessGrant of its own: whom it names gets in by its ports only") {
    World world;
    const auto grants =
        world.grants(binding(Json::array({rule({{{"ipBlock", {{"cidr", "198.51.100.0/24"}}}}}, {{{"port", 8080}}}),
                                          rule(Json::array({kOfSubnet}), {{{"port", 8081}}})})));
    REQUIRE(grants.size() == 2);
    CHECK(grants.at("shop/tgb-0-k8s-web").at("ports").at(0).at("port") == 8080);
    CHECK(grants.at("shop/tgb-1-k8s-web").at("from") == Json::array({{{"cidr", "10.0.240.0/24"}}}));
    CHECK(grants.at("shop/tgb-1-k8s-web").at("ports").at(0).at("port") == 8081);
}

TEST_CASE("ports: what is named counts, every port is the one that the Service sends to, and node ports are none") {
    World world;
    world.observed.services.put(value(service({{"externalTrafficPolicy", "Local"}})));
    const auto port = [](const Json& number, const std::string& protocol) {
        return Json{{"port", number}, {"protocol", protocol}};
    };
    struct Row {
        const char* type;
        const char* port; // of the Service
        Json named;
        Json granted;
    };
    for (const auto& [type, of, named, granted] : std::vector<Row>{
             {"ip", "80", Json::array(), Json::array({port(8080, "TCP")})},
             {"ip", "http", Json::array(), Json::array({port(8080, "TCP")})},
             {"ip", "80", {{{"protocol", "TCP"}}}, Json::array({port(8080, "TCP")})},
             {"ip", "named", Json::array(), Json::array({port("metrics", "TCP")})},
             {"ip", "82", Json::array(), Json::array({port(9000, "UDP")})},
             {"ip", "80", {{{"port", "web"}}}, Json::array({port("web", "TCP")})},
             {"ip", "80", {{{"port", 8080}}, {{"port", 8081}}}, Json::array({port(8080, "TCP"), port(8081, "TCP")})},
             {"ip", "80", {{{"port", 8080}}, {{"protocol", "TCP"}}}, Json::array({port(8080, "TCP")})},
             {"ip", "82", {{{"port", 9000}, {"protocol", "UDP"}}}, Json::array({port(9000, "UDP")})},
             {"instance", "80", {{{"port", 31234}}}, Json::array({port(8080, "TCP")})},
             {"instance", "82", {{{"port", 31234}, {"protocol", "UDP"}}}, Json::array({port(9000, "UDP")})},
         }) {
        INFO(type << " " << of << " " << named.dump());
        CHECK(ports_in(world.grants(binding(Json::array({rule(Json::array({kOfSubnet}), named)}), type, of))) ==
              granted);
        CHECK(world.problems.empty());
    }
}

TEST_CASE("what pods see as a node isn't granted to anybody") {
    World world;
    const auto of = binding(Json::array({rule(Json::array({kOfSubnet}))}), "instance");
    world.refuses(of, "spec.targetType", "externalTrafficPolicy Cluster"); // by default
    world.observed.services.put(value(service({{"externalTrafficPolicy", "Cluster"}})));
    world.refuses(of, "spec.targetType", "externalTrafficPolicy Cluster");
    world.observed.services.put(value(service({{"externalTrafficPolicy", "Local"}})));
    CHECK(world.grants(of).size() == 1);
    world.observed.services.put(value(service({{"externalTrafficPolicy", "Cluster"}})));
    CHECK(world.grants(binding(Json::array({rule(Json::array({kOfSubnet}))}), "ip")).size() ==
          1); // no NodePort on the way
}

TEST_CASE("a security group is granted only as an AWSResource that stands for it and nothing else") {
    World world;
    const auto of = binding(Json::array({rule(Json::array({kOfGroup}))}));
    const std::string place = "spec.networking.ingress[0].from[0]", why = "no AWSResource stands for";
    world.refuses(of, place, why);
    CHECK(world.problems.front().text.find("securityGroups: [sg-0123456789abcdef0]") != std::string::npos);
    using Resource = state::AwsResource;
    world.put_resource("wide", [](Resource& resource) { resource.look_ups.security_groups.insert("sg-2"); });
    world.refuses(of, place, why);
    world.put_resource("wide", [](Resource& resource) { resource.look_ups.subnets = {"subnet-1"}; });
    world.refuses(of, place, why);
    world.put_resource("wide", [](Resource& resource) { resource.cidrs = {*Cidr::parse("10.0.0.0/8")}; });
    world.refuses(of, place, why);
    world.put_resource("other", [](Resource& resource) { resource.look_ups.security_groups = {"sg-2"}; });
    world.refuses(of, place, why);
    world.put_resource("exact");
    CHECK(world.grants(of).begin()->second.at("from") == Json::array({{{"awsResource", "exact"}}}));
    // The other source doesn't wait for it.
    world.cluster.remove({.kind = "AWSResource", .ns = "", .name = "exact"});
    const auto both = world.grants(binding(Json::array({rule({kOfGroup, kOfSubnet})})));
    CHECK(both.begin()->second.at("from") == Json::array({{{"cidr", "10.0.240.0/24"}}}));
    CHECK(world.problems.size() == 1);
}

TEST_CASE("what can't be granted is told, and only where somebody is protected") {
    World world;
    const auto fine = rule(Json::array({kOfSubnet}));
    world.refuses(binding(Json::array()), "spec.networking", "names nobody");
    world.refuses(binding(Json::array({fine}), ""), "spec.targetType", "isn't ip or instance");
    world.refuses(binding(Json::array({fine}), "ip", "99"), "spec.serviceRef.port", "has no such port");
    world.refuses(binding(Json::array({rule({{{"ipBlock", {{"cidr", "10.0.240.1/24"}}}}})})),
                  "spec.networking.ingress[0].from[0]", "10.0.240.1/24");
    world.refuses(binding(Json::array({rule(Json::array({kOfSubnet}), {{{"port", 1}, {"protocol", "ICMP"}}})})),
                  "spec.networking.ingress[0].ports[0].protocol", "isn't TCP or UDP");
    world.refuses(binding(Json::array({rule(Json::array({kOfSubnet}), {{{"port", "No Name"}}})})),
                  "spec.networking.ingress[0].ports[0].port", "no container port's name");
    CHECK(world.grants(binding(Json::array({fine}), "alb")).empty()); // its targets are no pods
    CHECK(world.problems.empty());
    world.observed.services.put(value(service({{"selector", Json::object()}})));
    world.refuses(binding(Json::array({fine})), "spec.serviceRef", "selects no pods");
    world.observed.services.remove(value(service()));
    world.refuses(binding(Json::array({fine})), "spec.serviceRef", "there is no Service web");
    world.put_tenant(true, state::Level::kNonProtected);
    CHECK(world.grants(binding(Json::array({fine}))).empty());
    CHECK(world.problems.empty());
}

TEST_CASE("of a binding that names more than an AccessGrant may, no more is looked at than it takes to say so") {
    World world;
    auto peers = Json::array(), ports = Json::array(), rules = Json::array();
    for (int i = 0; i < 5000; ++i) {
        peers.push_back(Json::object()); // each of which would be a complaint
        ports.push_back({{"port", i + 1}});
    }
    world.refuses(binding(Json::array({rule(peers)})), "spec.networking.ingress[0]", "more than 128");
    world.refuses(binding(Json::array({rule(Json::array({kOfSubnet}), ports)})), "spec.networking.ingress[0]",
                  "more than 128");
    Kept<Binding> bindings(read_binding);
    bindings.put(value(binding(Json::array({rule(peers, ports)}))));
    const auto& read = *bindings.find("shop/k8s-web");
    CHECK(read.ingress.at(0).from.size() == 129);
    CHECK(read.ingress.at(0).ports.size() == 129);
    for (int i = 0; i < 20; ++i)
        rules.push_back(rule(Json::array({kOfSubnet})));
    CHECK(world.grants(binding(rules)).size() == 16);
    CHECK(world.problems.size() == 1);
}

TEST_CASE("a Tenant that lets its namespaces grant nothing isn't opened by its load balancers either") {
    World world;
    const auto of = binding(Json::array({rule(Json::array({kOfSubnet}))}));
    CHECK(world.grants(of).size() == 1);
    world.put_tenant(false);
    world.refuses(of, "", "Tenant retail does not let its namespaces grant access");
}

namespace {

/// An API server with these objects, each kind listed once.
class Listed {
public:
    Listed(const Json& bindings, const Json& grants)
        : talk_([=](const Asked& asked) -> Answer {
              const auto has = [&](const std::string& part) { return asked.target.find(part) != std::string::npos; };
              if (has("watch=1")) return {source::kube::stream(""), Answer::Then::kHold};
              const bool is_binding = has("/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings");
              if (is_binding && bindings.is_null()) return {refusal(404, "the server has no such resource")};
              if (!is_binding && !has("labelSelector=bulkhead.dev%2Fmade-of%3Dtarget-group-binding"))
                  return {refusal(400, "AccessGrants of others are nobody's business")};
              const Json list{{"kind", "SomeList"},
                              {"metadata", {{"resourceVersion", "1"}}},
                              {"items", is_binding ? bindings : grants}};
              return {source::kube::response("200 OK", list.dump())};
          }),
          balancers(talk_.session()) {}

    /// "POST /apis/...": its body.
    std::map<std::string, Json> changes(World& world, const std::function<bool()>& until = {}) {
        size_t news = 0;
        talk_.run(
            [&](LoadBalancers::Time now) {
                balancers.tick(now);
                news += balancers.take_changed() ? 1 : 0;
                balancers.review(world.observed, world.cluster, {});
            },
            [&] { return until ? until() : talk_.held("GET") == 2; });
        std::map<std::string, Json> all;
        for (const auto& [key, change] : balancers.changes())
            all[change.request.method + " " + change.request.path] = Json::parse(change.request.body);
        return all;
    }

private:
    Talk talk_;

public:
    LoadBalancers balancers;
};

/// As it is once the API server has taken it.
Json taken(Json grant, const std::string& uid = "u-1") {
    grant["metadata"]["resourceVersion"] = "7";
    grant["metadata"]["ownerReferences"][0]["uid"] = uid;
    return grant;
}

const std::string kGrants = "/apis/bulkhead.dev/v1alpha1/namespaces/shop/accessgrants";
const Json kBinding = binding(Json::array({rule(Json::array({kOfSubnet}))}));

} // namespace

TEST_CASE("an AccessGrant is made once, changed as it was seen, and goes with its binding or what made it") {
    World world;
    const auto made = Listed(Json::array({kBinding}), Json::array()).changes(world);
    REQUIRE(made.size() == 1);
    CHECK(made.begin()->first == "POST " + kGrants);
    const auto& grant = made.begin()->second;
    const auto& metadata = grant.at("metadata");
    CHECK(metadata.at("name") == "tgb-0-k8s-web");
    CHECK(metadata.at("labels") == Json{{"bulkhead.dev/made-of", "target-group-binding"}});
    CHECK(metadata.at("ownerReferences") == Json::array({{{"apiVersion", "elbv2.k8s.aws/v1beta1"},
                                                          {"kind", "TargetGroupBinding"},
                                                          {"name", "k8s-web"},
                                                          {"uid", "u-1"}}}));
    CHECK(Listed(Json::array({kBinding}), Json::array({taken(grant)})).changes(world).empty());

    auto wider = taken(grant);
    wider["spec"]["ports"] = Json::array();
    const auto mended = Listed(Json::array({kBinding}), Json::array({wider})).changes(world);
    REQUIRE(mended.size() == 1);
    CHECK(mended.begin()->first == "PUT " + kGrants + "/tgb-0-k8s-web");
    CHECK(mended.begin()->second.at("metadata").at("resourceVersion") == "7");
    CHECK(mended.begin()->second.at("spec") == grant.at("spec"));

    const std::string removal = "DELETE " + kGrants + "/tgb-0-k8s-web";
    const auto is_removed = [&](const Json& bindings, const Json& there) {
        const auto changes = Listed(bindings, Json::array({there})).changes(world);
        REQUIRE(changes.size() == 1);
        CHECK(changes.begin()->first == removal);
        CHECK(changes.begin()->second.at("preconditions").at("resourceVersion") == "7");
    };
    is_removed(Json::array(), taken(grant));
    is_removed(Json::array({kBinding}), taken(grant, "u-0")); // of another one of that name, which is gone
    is_removed(Json::array({binding(Json::array())}), taken(grant));
    world.observed.services.remove(value(service()));
    is_removed(Json::array({kBinding}), taken(grant));
}

TEST_CASE("an AccessGrant that somebody else wrote is left alone, and the binding says so") {
    World world;
    world.observed.access_grants.put(
        value({{"metadata", {{"name", "tgb-0-k8s-web"}, {"namespace", "shop"}}}, {"spec", Json::object()}}));
    Listed listed(Json::array({kBinding}), Json::array());
    CHECK(listed.changes(world).empty());
    REQUIRE(listed.balancers.problems().size() == 1);
    CHECK(listed.balancers.problems().front().object == "TargetGroupBinding shop/k8s-web");
    CHECK(listed.balancers.problems().front().nature == state::Problem::Nature::kConflict);
}

TEST_CASE("without TargetGroupBindings in the cluster nothing is removed, and what is missing is said") {
    World world;
    const auto grant = Listed(Json::array({kBinding}), Json::array()).changes(world).begin()->second;
    Listed listed(nullptr, Json::array({taken(grant)}));
    CHECK(listed.changes(world, [&] { return !listed.balancers.errors().empty(); }).empty());
    CHECK(listed.balancers.errors().front().find("targetgroupbindings.elbv2.k8s.aws") != std::string::npos);
}
