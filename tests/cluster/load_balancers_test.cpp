// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-controller and TargetGroupBindings, at a real API server, with the rights that the manifests give it: from a
// binding to what an agent's rule says of the load balancer's address.
#include <cstdlib>

#include "judging_agent.h"
#include "manifests.h"
#include "support/aws_stand_in.h"

namespace bulkhead::test {
namespace {

constexpr auto kGroupOfAlb = "sg-0aaaaaaaaaaaaaaaa";
constexpr auto kAlb = "10.1.0.1", kOtherAlb = "10.1.0.9", kWeb = "10.0.1.1", kDatabase = "10.0.1.2";

/// As much of the AWS Load Balancer Controller's as is read here.
constexpr auto kBindingCrd = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: targetgroupbindings.elbv2.k8s.aws}
spec:
  group: elbv2.k8s.aws
  scope: Namespaced
  names: {kind: TargetGroupBinding, listKind: TargetGroupBindingList, plural: targetgroupbindings, singular: targetgroupbinding}
  versions:
    - name: v1beta1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}
)";

std::string service_yaml(const std::string& app) {
    return "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
           "spec: {type: NodePort, selector: {app: " +
           app + "}, ports: [{port: 80, targetPort: 8080}]}\n---\n";
}

std::string binding_yaml(const std::string& name, const std::string& type) {
    return "apiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\nmetadata: {name: " + name +
           ", namespace: shop}\nspec: {targetGroupARN: 'arn:aws:elasticloadbalancing:none', targetType: " + type +
           ", serviceRef: {name: web, port: 80}, networking: {ingress: [{from: [{securityGroup: {groupID: " +
           kGroupOfAlb + "}}], ports: [{protocol: TCP, port: 8080}]}]}}\n---\n";
}

/// An account with one load balancer of that group, and one of another.
Json load_balancers() {
    const Json ours{{"id", "eni-1"}, {"groups", {kGroupOfAlb}}, {"ipv4", {kAlb}}};
    const Json other{{"id", "eni-2"}, {"groups", {"sg-0bbbbbbbbbbbbbbbb"}}, {"ipv4", {kOtherAlb}}};
    return {{"identities", Json::array({{{"access_key", "AKIDOWN"},
                                         {"secret_key", "own/secret+key"},
                                         {"arn", "arn:aws:iam::111122223333:user/bulkhead"},
                                         {"account", "111122223333"}}})},
            {"places", Json::array({{{"account", "111122223333"},
                                     {"region", "eu-central-1"},
                                     {"interfaces", Json::array({ours, other})}}})}};
}

TEST_CASE("a TargetGroupBinding lets its load balancer into its pods' port, for as long as it is there") {
    const auto aws = require(AwsStandIn::start());
    require(aws->set(load_balancers()));
    setenv("AWS_ENDPOINT_URL", aws->url().c_str(), 1);
    setenv("AWS_REGION", "eu-central-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDOWN", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "own/secret+key", 1);
    const ApiServer server = with_crds();
    put(server, kBindingCrd);
    wait_for_crds(server);
    for (const std::string file : {"base/controller-rbac.yaml", "components/load-balancers/rights.yaml"})
        kubectl(server, {"apply", "-f", folder(file)});
    put(server, namespace_yaml("shop", "{bulkhead.dev/level: protected}") + service_yaml("web") +
                    "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: albs}\n"
                    "spec: {level: non-protected, addresses: {securityGroups: [" +
                    kGroupOfAlb + "]}}\n---\n" + binding_yaml("web", "ip") + binding_yaml("nodes", "instance"));
    run_at(server, "shop", "web", kWeb);
    run_at(server, "shop", "database", kDatabase);
    const auto kubeconfig = require(server.kubeconfig_for(require(server.service_account_token(kSystem, kController))));
    REQUIRE(wait_until_may(server, kubeconfig, {"create", "accessgrants.bulkhead.dev", "-A"}, true));
    const ControllerProcess controller(kubeconfig, "one", nullptr, {"--grant-load-balancers", "--resolve-interval=1"});
    INFO(controller.output());

    JudgingAgent agent(server);
    REQUIRE(agent.comes_to(BH_REASON_GRANTED, kAlb, kWeb, 8080));
    CHECK(agent.ask(kAlb, kWeb, 8081) == BH_REASON_NOT_GRANTED);
    CHECK(agent.ask(kAlb, kDatabase, 8080) == BH_REASON_NOT_GRANTED);
    CHECK(agent.ask(kOtherAlb, kWeb, 8080) == BH_REASON_NOT_GRANTED);

    // The other one's pods see a node.
    const auto told = [&] {
        const auto events = object(server, {"events", "-n", "shop"});
        for (const auto& event : events.at("items"))
            if (event.at("involvedObject").at("kind") == "TargetGroupBinding" &&
                event.at("involvedObject").at("name") == "nodes")
                return event.at("message").get<std::string>();
        return std::string();
    };
    REQUIRE(wait_until([&] { return !told().empty(); }, after(30s), 100ms));
    CHECK(told().find("externalTrafficPolicy Cluster") != std::string::npos);
    CHECK(object(server, {"accessgrants", "-n", "shop"}).at("items").size() == 1);

    // It follows the Service.
    put(server, service_yaml("database"));
    REQUIRE(agent.comes_to(BH_REASON_GRANTED, kAlb, kDatabase, 8080));
    CHECK(agent.ask(kAlb, kWeb, 8080) == BH_REASON_NOT_GRANTED);

    kubectl(server, {"delete", "targetgroupbinding", "web", "-n", "shop"});
    REQUIRE(agent.comes_to(BH_REASON_NOT_GRANTED, kAlb, kDatabase, 8080));
    CHECK(object(server, {"accessgrants", "-n", "shop"}).at("items").empty());
    CHECK(controller.output().find("permission") == std::string::npos);
}

} // namespace
} // namespace bulkhead::test
