// SPDX-License-Identifier: Apache-2.0
//
// The templates of the EKS overlay do what their comments say: each row that is let in has its near miss. All of them
// are in audit mode, so `audit` is what enforcing would drop.
#include "compile_world.h"
#include "source/check.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

using enum bh_reason;
using Files = std::vector<std::string>;

struct Actor {
    std::string address;
    std::string pod;
    state::Labels labels;
    std::vector<state::ContainerPort> ports = {};
    std::string account = "default";
};

const std::map<std::string, Actor> kCast{
    {"stranger", {"10.0.1.1", "blog/web", {}}},
    {"bank", {"10.0.1.2", "bank/api", {}, {{"metrics", BH_TCP, 9100}, {"http", BH_TCP, 8080}}}},
    {"web", {"10.0.2.1", "shop/web", {{"app", "web"}}, {{"http", BH_TCP, 8080}, {"metrics", BH_TCP, 9100}}}},
    {"db", {"10.0.2.2", "shop/db", {{"app", "db"}}, {{"http", BH_TCP, 8080}}}},
    {"waypoint", {"10.0.2.3", "shop/waypoint", {{"gateway.networking.k8s.io/gateway-name", "waypoint"}}}},
    {"prometheus", {"10.0.3.1", "monitoring/prometheus", {{"app.kubernetes.io/name", "prometheus"}}}},
    {"grafana", {"10.0.3.2", "monitoring/grafana", {{"app.kubernetes.io/name", "grafana"}}}},
    {"operator", {"10.0.3.3", "monitoring/operator", {}, {{"https", BH_TCP, 10250}}}},
    {"nginx",
     {"10.0.4.1",
      "ingress-nginx/controller",
      {{"app.kubernetes.io/name", "ingress-nginx"}, {"app.kubernetes.io/component", "controller"}},
      {{"http", BH_TCP, 80}, {"https", BH_TCP, 443}, {"webhook", BH_TCP, 8443}},
      "ingress-nginx"}},
    {"nginx job", {"10.0.4.2", "ingress-nginx/job", {}}},
    {"argocd server", {"10.0.5.1", "argocd/server", {{"app.kubernetes.io/name", "argocd-server"}}}},
    {"argocd repo", {"10.0.5.2", "argocd/repo", {{"app.kubernetes.io/name", "argocd-repo-server"}}}},
    {"datadog", {"10.0.6.1", "datadog/agent", {{"app", "datadog"}}}},
    {"datadog cluster", {"10.0.6.2", "datadog/cluster", {{"app", "datadog-cluster-agent"}}}},
    {"istiod", {"10.0.7.1", "istio-system/istiod", {{"app", "istiod"}}}},
    {"ztunnel", {"10.0.7.2", "istio-system/ztunnel", {{"app", "ztunnel"}}}},
    {"gateway", {"10.0.8.1", "istio-ingress/gateway", {{"istio", "ingress"}}, {}, "istio-ingress"}},
    {"gateway job", {"10.0.8.2", "istio-ingress/job", {}}},
};
const std::map<std::string, std::string> kOthers{
    {"API server", "10.0.0.9"}, {"load balancer", "10.0.241.5"}, {"world", "198.51.100.7"}, {"beside", "10.0.242.5"}};

std::string address_of(const std::string& who) {
    const auto actor = kCast.find(who);
    return actor == kCast.end() ? kOthers.at(who) : actor->second.address;
}

/// Everybody, `bank` protected by its label, and what these templates say.
World world_of(const Files& templates) {
    World world;
    world.protect("bank");
    for (const auto& [name, actor] : kCast) {
        const auto ns = actor.pod.substr(0, actor.pod.find('/'));
        if (!world.cluster.namespaces().contains(ns)) world.ns(ns);
        state::PodTemplate common;
        common.labels = actor.labels;
        common.service_account = actor.account;
        common.ports = actor.ports;
        world.pod(actor.pod, {actor.address}, common);
    }
    auto slice = named<state::EndpointSlice>("kubernetes-1", "default");
    slice.service = "kubernetes";
    slice.addresses = {address(address_of("API server"))};
    world.put(slice);
    std::vector<std::string> paths;
    for (const auto& name : templates)
        paths.push_back(std::string(BULKHEAD_TEMPLATES "/") + name + ".yaml");
    std::vector<state::Problem> problems;
    for (auto& object : source::read_all(paths, problems))
        world.put(std::move(object));
    CHECK(problems.empty());
    for (const auto& problem : world.desired().problems)
        FAIL_CHECK(problem.origin << " " << problem.object << " " << problem.field << ": " << problem.text);
    return world;
}

struct Row {
    std::string from;
    std::string to;
    uint16_t port;
    bh_reason reason;
    uint8_t protocol = BH_TCP;
};

void check(const Files& templates, const std::vector<Row>& rows) {
    auto world = world_of(templates);
    for (const auto& [from, to, port, reason, protocol] : rows) {
        INFO(from << " -> " << to << ":" << port);
        CHECK(world.ask(address_of(from), address_of(to), port, protocol) == reason);
    }
}

} // namespace

TEST_CASE("template: Prometheus scrapes protected tenants by the ports' names; its neighbours and sealed tenants not") {
    check({"prometheus", "argocd", "ingress-nginx"}, {{"prometheus", "bank", 9100, BH_REASON_TRUSTED},
                                                      {"prometheus", "bank", 8080, BH_REASON_NOT_GRANTED},
                                                      {"grafana", "bank", 9100, BH_REASON_NOT_GRANTED},
                                                      {"prometheus", "web", 9100, BH_REASON_TRUSTED},
                                                      {"prometheus", "argocd server", 8083, BH_REASON_GRANTED},
                                                      {"prometheus", "argocd server", 8085, BH_REASON_AUDIT},
                                                      {"grafana", "argocd server", 8083, BH_REASON_AUDIT},
                                                      {"grafana", "prometheus", 9090, BH_REASON_SAME_TENANT},
                                                      {"stranger", "prometheus", 9090, BH_REASON_AUDIT},
                                                      {"API server", "operator", 10250, BH_REASON_GRANTED},
                                                      {"API server", "operator", 9090, BH_REASON_AUDIT}});
}

TEST_CASE("template: load balancers reach the pods behind them from their subnets") {
    check({"aws-load-balancer-controller"}, {{"load balancer", "web", 8080, BH_REASON_GRANTED},
                                             {"load balancer", "web", 9100, BH_REASON_AUDIT},
                                             {"load balancer", "db", 8080, BH_REASON_AUDIT},
                                             {"beside", "web", 8080, BH_REASON_AUDIT},
                                             {"world", "web", 8080, BH_REASON_AUDIT},
                                             {"web", "load balancer", 443, BH_REASON_OPEN}});
}

TEST_CASE("template: the world comes to ingress-nginx' two doors, and ingress-nginx to the pods behind it") {
    check({"ingress-nginx"}, {{"world", "nginx", 443, BH_REASON_EXPOSED},
                              {"stranger", "nginx", 80, BH_REASON_EXPOSED},
                              {"world", "nginx", 8443, BH_REASON_AUDIT},
                              {"world", "nginx job", 443, BH_REASON_AUDIT},
                              {"API server", "nginx", 8443, BH_REASON_GRANTED},
                              {"nginx", "web", 8080, BH_REASON_GRANTED},
                              {"nginx", "web", 9100, BH_REASON_AUDIT},
                              {"nginx", "db", 8080, BH_REASON_AUDIT},
                              {"nginx job", "web", 8080, BH_REASON_AUDIT},
                              {"nginx", "bank", 8080, BH_REASON_NOT_GRANTED}});
}

TEST_CASE("template: Argo CD is reached through the ingress controller, and reaches nobody's pods") {
    check({"argocd", "ingress-nginx", "prometheus"}, {{"nginx", "argocd server", 8080, BH_REASON_GRANTED},
                                                      {"nginx", "argocd repo", 8080, BH_REASON_AUDIT},
                                                      {"nginx job", "argocd server", 8080, BH_REASON_AUDIT},
                                                      {"stranger", "argocd server", 8080, BH_REASON_AUDIT},
                                                      {"argocd repo", "argocd server", 8080, BH_REASON_SAME_TENANT},
                                                      {"argocd server", "bank", 8080, BH_REASON_NOT_GRANTED}});
}

TEST_CASE("template: everybody sends to Datadog's agents, which scrape by the ports' names") {
    check({"datadog"}, {{"stranger", "datadog", 8126, BH_REASON_EXPOSED},
                        {"stranger", "datadog", 8125, BH_REASON_EXPOSED, BH_UDP},
                        {"stranger", "datadog", 8125, BH_REASON_AUDIT},
                        {"stranger", "datadog cluster", 8126, BH_REASON_AUDIT},
                        {"datadog", "datadog cluster", 5005, BH_REASON_SAME_TENANT},
                        {"API server", "datadog cluster", 8443, BH_REASON_GRANTED},
                        {"API server", "datadog", 8443, BH_REASON_AUDIT},
                        {"datadog", "bank", 9100, BH_REASON_TRUSTED},
                        {"datadog", "bank", 8080, BH_REASON_NOT_GRANTED},
                        {"datadog cluster", "bank", 9100, BH_REASON_NOT_GRANTED}});
}

TEST_CASE("template: with sidecars everybody reaches istiod, the world the gateway, and that the pods behind it") {
    check({"istio-sidecar"}, {{"stranger", "istiod", 15012, BH_REASON_EXPOSED},
                              {"stranger", "istiod", 15010, BH_REASON_AUDIT},
                              {"API server", "istiod", 15017, BH_REASON_GRANTED},
                              {"stranger", "istiod", 15017, BH_REASON_AUDIT},
                              {"world", "gateway", 443, BH_REASON_EXPOSED},
                              {"world", "gateway", 15090, BH_REASON_AUDIT},
                              {"gateway", "web", 8080, BH_REASON_GRANTED},
                              {"gateway", "web", 15008, BH_REASON_AUDIT},
                              {"gateway", "db", 8080, BH_REASON_AUDIT},
                              {"gateway job", "web", 8080, BH_REASON_AUDIT}});
}

TEST_CASE("template: in ambient mode the gateway reaches the waypoint by HBONE, and only that the pods behind it") {
    check({"istio-ambient"}, {{"gateway", "waypoint", 15008, BH_REASON_GRANTED},
                              {"gateway", "waypoint", 8080, BH_REASON_AUDIT},
                              {"gateway", "web", 15008, BH_REASON_AUDIT},
                              {"gateway job", "waypoint", 15008, BH_REASON_AUDIT},
                              {"waypoint", "web", 15008, BH_REASON_SAME_TENANT},
                              {"ztunnel", "istiod", 15012, BH_REASON_SAME_TENANT},
                              {"gateway", "istiod", 15012, BH_REASON_EXPOSED},
                              {"gateway", "istiod", 15014, BH_REASON_AUDIT}});
}
