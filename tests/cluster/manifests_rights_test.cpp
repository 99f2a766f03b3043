// SPDX-License-Identifier: Apache-2.0
//
// The agent's rights are exactly enough: with them it does all that it does at the API server, without any one of them
// it doesn't, and says which one it misses.
#include <poll.h>

#include <functional>

#include "manifests.h"
#include "publish/publisher.h"
#include "source/kube/kube_source.h"

namespace bulkhead::test {
namespace {

using source::kube::Session;
using Words = std::vector<std::string>;

constexpr auto kNode = "node-a";

std::string name_of_slice(const std::string& node) {
    return node + "-01234567";
}

std::string slice(const std::string& node, const std::string& pod) {
    return Json{{"apiVersion", "bulkhead.dev/v1alpha1"},
                {"kind", "IdentitySlice"},
                {"metadata", {{"name", name_of_slice(node)}, {"labels", {{"bulkhead.dev/node", node}}}}},
                {"spec",
                 {{"node", node},
                  {"tenant", "bank"},
                  {"level", "protected"},
                  {"labelKeys", Json::array()},
                  {"endpoints", {{{"namespace", "shop"}, {"pod", pod}, {"addresses", {"10.0.1.1"}}}}}}}}
        .dump();
}

/// All of an agent that talks to the API server: follows what it says; writes a slice, changes it and removes it.
class Client {
public:
    explicit Client(const std::filesystem::path& kubeconfig)
        : session_(require(Session::create(require(source::kube::read_kubeconfig(kubeconfig)), 1))),
          source_(*session_, source::kube::agent_resources(kNode)), publisher_(*session_, kNode) {}

    /// Until it holds.
    void wait(const std::string& what, const std::function<bool()>& holds) {
        const Deadline deadline = after(60s);
        for (step(); !holds(); step()) {
            INFO(what << "; it says:" << complaints());
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            pollfd fd{.fd = source_.fd(), .events = POLLIN, .revents = 0};
            poll(&fd, 1, 100);
        }
    }

    std::string complaints() const {
        std::string all = "\n" + publisher_.error();
        for (const auto& problem : source_.problems())
            all += "\n" + problem.object + ": " + problem.text;
        return all;
    }
    bool complains() const { return !publisher_.error().empty() || !source_.problems().empty(); }
    bool synced() const { return source_.synced(); }
    bool has_published() const { return to_publish_.empty() && publisher_.in_sync(); }
    const publish::Publisher::Counts& written() const { return publisher_.counts(); }
    const state::Cluster& cluster() const { return cluster_; }

private:
    void step() {
        source_.update(cluster_);
        if (publisher_.in_sync() && !to_publish_.empty()) {
            publisher_.set_wanted(to_publish_.front());
            to_publish_.erase(to_publish_.begin());
        }
        publisher_.tick(std::chrono::steady_clock::now());
    }

    std::unique_ptr<Session> session_;
    source::kube::KubeSource source_;
    publish::Publisher publisher_;
    state::Cluster cluster_;
    std::vector<publish::Slices> to_publish_{
        {{name_of_slice(kNode), slice(kNode, "near")}}, {{name_of_slice(kNode), slice(kNode, "next")}}, {}};
};

/// By any kubectl, so without kustomize.
void install(const ApiServer& server) {
    kubectl(server, {"apply", "-k", folder("crds")});
    kubectl(server, {"apply", "-f", folder("base/namespace.yaml"), "-f", folder("base/rbac.yaml")});
    wait_for_crds(server);
}

std::filesystem::path kubeconfig_of_agent(const ApiServer& server) {
    const auto token = require(server.service_account_token(kAgentNamespace, kAgentName));
    auto kubeconfig = require(server.kubeconfig_for(token));
    REQUIRE(wait_until_may(server, kubeconfig, {"list", "pods", "-A"}, true));
    return kubeconfig;
}

std::string ours(const std::string& kind, const std::string& metadata, const std::string& spec) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: " + kind + "\nmetadata: " + metadata + "\nspec: " + spec +
           "\n---\n";
}

std::string endpoint_slice(const std::string& ns, const std::string& service, bool is_v1) {
    return "apiVersion: discovery.k8s.io/" + std::string(is_v1 ? "v1" : "v1beta1") +
           "\nkind: EndpointSlice\nmetadata: {namespace: " + ns + ", name: " + service +
           "-1, labels: {kubernetes.io/service-name: " + service +
           "}}\naddressType: IPv4\nendpoints: [{addresses: [10.0.9.9]}]\n---\n";
}

/// One of each kind that an agent follows.
std::string one_of_each(ApiServer::Version version) {
    const bool is_v1 = version >= ApiServer::Version{1, 21};
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
           "apiVersion: v1\nkind: Node\nmetadata: {name: node-b}\n---\n"
           "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
           "spec: {nodeName: node-a, containers: [{name: main, image: none}]}\n---\n"
           "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [{port: 80}]}\n---\n" +
           ours("Tenant", "{name: bank}", "{namespaces: [shop]}") +
           ours("AccessGrant", "{name: blog, namespace: shop}", "{from: [{tenant: bank}]}") +
           ours("AWSResource", "{name: imds}", "{addresses: {instanceMetadata: true}}") +
           ours("Override", "{name: drill}", "{tenant: bank, until: '2030-12-31T23:59:59Z', reason: a drill}") +
           endpoint_slice("kube-system", "kube-dns", is_v1) + endpoint_slice("default", "kubernetes", is_v1) +
           slice("node-b", "far") + "\n";
}

bool has_one_of_each(const state::Cluster& cluster) {
    const auto& pods = cluster.pods();
    return cluster.namespaces().contains("shop") && cluster.nodes().contains("node-b") && pods.contains("shop/web") &&
           pods.contains("shop/far") && cluster.services().contains({"Service", "shop", "web"}) &&
           cluster.tenants().contains("bank") && cluster.access_grants().contains({"AccessGrant", "shop", "blog"}) &&
           cluster.resources().contains("imds") && cluster.overrides().contains("drill") &&
           cluster.endpoint_slices().contains({"EndpointSlice", "kube-system", "kube-dns-1"}) &&
           cluster.endpoint_slices().contains({"EndpointSlice", "default", "kubernetes-1"});
}

TEST_CASE("the agent's rights are enough to follow everything, and to write, change and remove its slices") {
    const ApiServer server = started();
    install(server);
    Client agent(kubeconfig_of_agent(server));
    agent.wait("the first lists, and three writes", [&] { return agent.synced() && agent.has_published(); });
    CHECK(agent.written().writes == 2);
    CHECK(agent.written().removals == 1);
    CHECK(object(server, {"identityslices"}).at("items").empty());
    put(server, one_of_each(require(server.version())));
    agent.wait("what changes", [&] { return has_one_of_each(agent.cluster()); });
    CHECK_FALSE(agent.complains());
    INFO(agent.complaints());
    CHECK(agent.written().failures == 0);
}

struct Right {
    std::string verb;
    std::string resource;
    std::string group;
};

std::vector<Right> rights_of(const Json& role) {
    std::vector<Right> rights;
    for (const auto& rule : role.at("rules"))
        for (const auto& resource : rule.at("resources"))
            for (const auto& verb : rule.at("verbs"))
                rights.push_back({verb, resource, rule.at("apiGroups").at(0)});
    return rights;
}

Json without(Json role, const Right& missing) {
    Json rules = Json::array();
    for (const auto& [verb, resource, group] : rights_of(role))
        if (verb != missing.verb || resource != missing.resource || group != missing.group)
            rules.push_back({{"apiGroups", {group}}, {"resources", {resource}}, {"verbs", {verb}}});
    role["rules"] = rules;
    return role;
}

bool names(const std::string& complaints, const Right& right) {
    const std::string full = right.group.empty() ? right.resource : right.resource + "." + right.group;
    const bool writes = right.verb == "create" || right.verb == "patch"; // which server-side apply is both of
    const std::string verbs = writes ? "create and patch" : right.verb;
    return complaints.find("needs the permission to " + verbs + " " + full + " (403)") != std::string::npos;
}

void replace(const ApiServer& server, Json role) {
    role.at("metadata").erase("resourceVersion");
    kubectl(server, {"replace", "-f", "-"}, role.dump());
}

TEST_CASE("each single right of the agent is one that it misses, and names, when it isn't there") {
    const ApiServer server = started();
    install(server);
    const auto kubeconfig = kubeconfig_of_agent(server);
    size_t rights = 0;
    for (const Words& where : {Words{"clusterrole", kAgentName},
                               {"role", kAgentName, "-n", "kube-system"},
                               {"role", kAgentName, "-n", "default"}}) {
        const Json role = object(server, where);
        for (const auto& right : rights_of(role)) {
            INFO(where[0] << " in " << where.back() << ": " << right.verb << " " << right.resource);
            const Json& metadata = role.at("metadata");
            Words question{right.verb, right.resource + (right.group.empty() ? "" : "." + right.group)};
            if (metadata.contains("namespace")) question.insert(question.end(), {"-n", metadata.at("namespace")});
            replace(server, without(role, right));
            REQUIRE(wait_until_may(server, kubeconfig, question, false));
            Client agent(kubeconfig);
            agent.wait("a complaint", [&] { return agent.complains(); });
            INFO("it says:" << agent.complaints());
            CHECK(names(agent.complaints(), right));
            replace(server, role);
            REQUIRE(wait_until_may(server, kubeconfig, question, true));
            kubectl(server, {"delete", "identityslices", "--all"});
            ++rights;
        }
    }
    CHECK(rights == 25);
}

TEST_CASE("the agent may do nothing else") {
    const ApiServer server = started();
    install(server);
    const auto kubeconfig = kubeconfig_of_agent(server);
    const auto may = [&](Words words) {
        words.insert(words.begin(), {"auth", "can-i"});
        return server.kubectl_as(kubeconfig, words).status == 0;
    };
    CHECK(may({"watch", "nodes"}));
    CHECK(may({"patch", "identityslices.bulkhead.dev"}));
    const std::vector<Words> forbidden{
        {"get", "secrets", "-n", kAgentNamespace},
        {"list", "secrets", "-A"},
        {"list", "configmaps", "-A"},
        {"get", "pods", "-A"},
        {"create", "pods", "-n", kAgentNamespace},
        {"patch", "pods", "-A"},
        {"delete", "pods", "-A"},
        {"create", "pods", "--subresource=exec", "-A"},
        {"create", "pods", "--subresource=eviction", "-A"},
        {"patch", "pods", "--subresource=ephemeralcontainers", "-A"},
        {"patch", "pods", "--subresource=status", "-A"},
        {"patch", "nodes"},
        {"patch", "nodes", "--subresource=status"},
        {"get", "nodes", "--subresource=proxy"},
        {"create", "namespaces"},
        {"patch", "namespaces"},
        {"patch", "services", "-A"},
        {"list", "endpointslices.discovery.k8s.io", "-A"},
        {"patch", "endpointslices.discovery.k8s.io", "-n", "default"},
        {"patch", "endpointslices.discovery.k8s.io", "-n", "kube-system"},
        {"create", "tenants.bulkhead.dev"},
        {"patch", "tenants.bulkhead.dev"},
        {"patch", "tenants.bulkhead.dev", "--subresource=status"},
        {"create", "accessgrants.bulkhead.dev", "-A"},
        {"patch", "accessgrants.bulkhead.dev", "-A"},
        {"patch", "awsresources.bulkhead.dev"},
        {"create", "overrides.bulkhead.dev"},
        {"delete", "overrides.bulkhead.dev"},
        {"update", "identityslices.bulkhead.dev"},
        {"deletecollection", "identityslices.bulkhead.dev"},
        {"create", "serviceaccounts", "--subresource=token", "-n", kAgentNamespace},
        {"patch", "daemonsets.apps", "-n", kAgentNamespace},
        {"create", "clusterrolebindings.rbac.authorization.k8s.io"},
        {"escalate", "clusterroles.rbac.authorization.k8s.io"},
        {"bind", "clusterroles.rbac.authorization.k8s.io"},
        {"impersonate", "users"},
        {"impersonate", "serviceaccounts", "-A"},
        {"create", "events", "-A"},
        {"create", "tokenreviews.authentication.k8s.io"},
        {"patch", "customresourcedefinitions.apiextensions.k8s.io"},
        {"get", "/metrics"},
        {"*", "*"},
    };
    for (const auto& words : forbidden) {
        std::string text;
        for (const auto& word : words)
            text += word + " ";
        INFO(text);
        CHECK_FALSE(may(words));
    }
}

/// That of an agent's pod on node-a, as its kubelet gets it.
std::filesystem::path kubeconfig_of_pod(const ApiServer& server) {
    put(server,
        "apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, "
        "namespace: bulkhead-system}\nspec: {nodeName: node-a, serviceAccountName: bulkhead-agent, containers: "
        "[{name: main, image: none}]}\n");
    const Json pod = object(server, {"-n", kAgentNamespace, "pod", "a"});
    const Json bound{{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", "a"}, {"uid", pod.at("metadata").at("uid")}};
    const Json request{
        {"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", {{"boundObjectRef", bound}}}};
    const std::string path = "/api/v1/namespaces/bulkhead-system/serviceaccounts/bulkhead-agent/token";
    const auto answer = kubectl(server, {"create", "--raw", path, "-f", "-"}, request.dump());
    return require(server.kubeconfig_for(Json::parse(answer).at("status").at("token")));
}

TEST_CASE("the token of a node's agent writes that node's slices, and no other's") {
    const ApiServer server = started();
    if (require(server.version()) < ApiServer::Version{1, 30})
        SKIP("this API server is too old for admission policies");
    install(server);
    kubectl(server, {"apply", "-f", folder("components/admission/identity-slices.yaml")});
    put(server, slice("node-b", "far"));
    const auto of_pod = kubeconfig_of_pod(server), of_none = kubeconfig_of_agent(server);
    const auto refused = [&](const std::filesystem::path& who, const Words& words, const std::string& input) {
        const auto answer = server.kubectl_as(who, words, input);
        return answer.status != 0 && answer.output.find("identity-slices.bulkhead.dev") != std::string::npos;
    };
    const Words create{"create", "-f", "-"};
    const auto c = slice("node-c", "x");
    // The API server hears of policies by a watch of its own; until then it takes the slice.
    const auto in_force = [&] {
        kubectl(server, {"delete", "identityslice", name_of_slice("node-c"), "--ignore-not-found"});
        return refused(of_pod, create, c);
    };
    REQUIRE(wait_until(in_force, after(60s), 100ms));
    CHECK(refused(of_pod, {"delete", "identityslice", name_of_slice("node-b"), "--wait=false"}, ""));
    CHECK(refused(of_none, create, slice(kNode, "near")));
    auto foreign = Json::parse(slice(kNode, "near"));
    foreign["metadata"]["name"] = name_of_slice("node-c");
    CHECK(refused(of_pod, create, foreign.dump()));
    foreign = Json::parse(slice(kNode, "near"));
    foreign["metadata"]["labels"]["bulkhead.dev/node"] = "node-c";
    CHECK(refused(of_pod, create, foreign.dump()));
    Client agent(of_pod);
    agent.wait("its own slices, written and removed", [&] { return agent.has_published(); });
    CHECK_FALSE(agent.complains());
}

} // namespace
} // namespace bulkhead::test
