// SPDX-License-Identifier: Apache-2.0
//
// The controller's rights are exactly what it uses: the API server's own audit log says what that is.
#include <fstream>
#include <set>
#include <sstream>

#include "controller_process.h"
#include "manifests.h"

namespace bulkhead::test {
namespace {

constexpr auto kUser = "system:serviceaccount:bulkhead-system:bulkhead-controller";

/// "patch nodes", "patch bulkhead.dev/tenants/status".
std::string right(const std::string& verb, const std::string& group, const std::string& resource) {
    return verb + " " + (group.empty() ? "" : group + "/") + resource;
}

std::set<std::string> granted(const ApiServer& server) {
    std::set<std::string> rights;
    for (const std::vector<std::string>& where : {std::vector<std::string>{"clusterrole", kController},
                                                  {"role", kController, "-n", kSystem},
                                                  {"role", kController, "-n", "kube-system"},
                                                  {"role", kController, "-n", "default"}}) {
        const auto role = object(server, where);
        for (const auto& rule : role.at("rules"))
            for (const auto& resource : rule.at("resources"))
                for (const auto& verb : rule.at("verbs"))
                    rights.insert(right(verb, rule.at("apiGroups").at(0), resource));
    }
    return rights;
}

struct Used {
    std::set<std::string> rights;
    std::set<std::string> refused;
};

/// Of a log with a line for each request.
Used used(const std::filesystem::path& log) {
    Used used;
    std::ifstream file(log);
    for (std::string line; std::getline(file, line);) {
        const auto event = Json::parse(line, nullptr, false);
        if (!event.is_object() || event.at("user").value("username", "") != kUser || !event.contains("objectRef"))
            continue;
        const auto& object = event.at("objectRef");
        if (object.value("apiGroup", "") == "authorization.k8s.io") continue; // the test's own question, in its name
        auto resource = object.value("resource", "");
        if (object.contains("subresource")) resource += "/" + object.at("subresource").get<std::string>();
        const auto name = right(event.at("verb"), object.value("apiGroup", ""), resource);
        const int code = event.value("responseStatus", Json::object()).value("code", 0);
        (code == 403 ? used.refused : used.rights).insert(name);
        // What is applied and wasn't there takes a second right.
        if (code == 201 && event.at("verb") == "patch")
            used.rights.insert(right("create", object.value("apiGroup", ""), resource));
    }
    return used;
}

std::string words(const std::set<std::string>& set) {
    std::string text;
    for (const auto& one : set)
        text += "\n" + one;
    return text;
}

/// Something to do for each right: a mistake in each kind of object, a node without an agent, one that has it.
std::string something_of_everything() {
    const std::string ours = "apiVersion: bulkhead.dev/v1alpha1\nkind: ";
    return namespace_yaml("bank", "{bulkhead.dev/level: top-secret}") + ours +
           "Tenant\nmetadata: {name: bank}\nspec: {namespaces: [bank, vault]}\n---\n" + ours +
           "Tenant\nmetadata: {name: robber}\nspec: {namespaces: [bank], allowFrom: [{from: [{tenant: "
           "nobody}]}]}\n---\n" +
           ours + "AccessGrant\nmetadata: {name: all, namespace: bank}\nspec: {from: [{tenant: nobody}]}\n---\n" +
           ours +
           "AWSResource\nmetadata: {name: aurora}\nspec: {tenant: nobody, addresses: {cidrs: [10.9.0.0/24]}}\n---\n" +
           ours +
           "Override\nmetadata: {name: drill}\nspec: {all: true, until: '2030-12-31T23:59:59Z', reason: a "
           "drill}\n---\n" +
           ours +
           "IdentitySlice\nmetadata: {name: bare-01234567}\nspec: {node: bare, endpoints: [{namespace: bank, pod: "
           "gone}], overrides: [{until: '2030-12-31T23:59:59Z', reason: a drill}]}\n---\n"
           "apiVersion: v1\nkind: Node\nmetadata: {name: bare}\n---\n"
           "apiVersion: v1\nkind: Node\nmetadata: {name: guarded}\n"
           "spec: {taints: [{key: bulkhead.dev/agent-not-ready, effect: NoSchedule}]}\n---\n"
           "apiVersion: v1\nkind: Service\nmetadata: {name: admit, namespace: bank}\n"
           "spec: {selector: {app: admit}, ports: [{port: 443}]}\n---\n"
           "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: one}\n"
           "webhooks: [{name: a.example.com, sideEffects: None, admissionReviewVersions: [v1], failurePolicy: Ignore, "
           "rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [none]}], "
           "clientConfig: {service: {namespace: bank, name: admit}}}]\n---\n"
           "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: bank, annotations: {bulkhead.dev/expose: "
           "'no port'}}\nspec: {nodeName: bare, containers: [{name: main, image: none}]}\n";
}

TEST_CASE("the controller uses every right that it has, and is refused nothing") {
    require_assets();
    std::string folder_name = std::filesystem::temp_directory_path() / "audit-XXXXXX";
    REQUIRE(mkdtemp(folder_name.data()) != nullptr);
    const std::filesystem::path place = folder_name, log = place / "log", policy = place / "policy.yaml";
    std::ofstream(policy) << "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n";
    const ApiServer server = started({.more = {"--audit-policy-file=" + policy.string(),
                                               "--audit-log-path=" + log.string(), "--audit-log-mode=blocking"}});
    install_crds(server);
    kubectl(server, {"apply", "-f", folder("base/namespace.yaml"), "-f", folder("base/controller-rbac.yaml")});
    put(server, something_of_everything());
    run_agent(server, "guarded");
    const auto kubeconfig = require(server.kubeconfig_for(require(server.service_account_token(kSystem, kController))));
    REQUIRE(wait_until_may(server, kubeconfig, {"list", "pods", "-A"}, true));
    const auto rights = granted(server);
    const ControllerProcess controller(kubeconfig);
    wait_until([&] { return used(log).rights == rights; }, after(60s), 200ms);
    const auto seen = used(log);
    std::filesystem::remove_all(place);
    INFO("it says: " << controller.output());
    INFO("granted:" << words(rights) << "\n\nused:" << words(seen.rights));
    CHECK(seen.rights == rights);
    INFO("refused:" << words(seen.refused));
    CHECK(seen.refused.empty());
}

TEST_CASE("the controller may do nothing else") {
    const ApiServer server = started();
    install_crds(server);
    kubectl(server, {"apply", "-f", folder("base/namespace.yaml"), "-f", folder("base/controller-rbac.yaml")});
    const auto kubeconfig = require(server.kubeconfig_for(require(server.service_account_token(kSystem, kController))));
    REQUIRE(wait_until_may(server, kubeconfig, {"list", "pods", "-A"}, true));
    for (const std::vector<std::string>& forbidden : std::vector<std::vector<std::string>>{
             {"list", "secrets", "-A"},
             {"create", "pods", "-n", kSystem},
             {"patch", "pods", "-A"},
             {"create", "pods", "--subresource=exec", "-A"},
             {"delete", "nodes"},
             {"patch", "nodes", "--subresource=status"},
             {"patch", "namespaces"},
             {"patch", "tenants.bulkhead.dev"},
             {"patch", "accessgrants.bulkhead.dev", "-A"},
             {"create", "awsresources.bulkhead.dev"},
             {"create", "overrides.bulkhead.dev"},
             {"patch", "overrides.bulkhead.dev"},
             {"patch", "validatingwebhookconfigurations.admissionregistration.k8s.io"},
             {"patch", "customresourcedefinitions.apiextensions.k8s.io"},
             {"update", "leases.coordination.k8s.io", "-n", "kube-system"},
             {"delete", "leases.coordination.k8s.io", "-n", kSystem},
             {"delete", "events", "-A"},
             {"bind", "clusterroles.rbac.authorization.k8s.io"}}) {
        std::vector<std::string> words{"auth", "can-i"};
        words.insert(words.end(), forbidden.begin(), forbidden.end());
        INFO(forbidden[0] << " " << forbidden[1]);
        CHECK(server.kubectl_as(kubeconfig, words).status != 0);
    }
}

} // namespace
} // namespace bulkhead::test
