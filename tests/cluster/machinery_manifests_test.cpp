// SPDX-License-Identifier: Apache-2.0
//
// What of the manifests only a current API server knows: admission policies, and flow schemas.
#include <algorithm>

#include "api_metrics.h"
#include "manifests.h"

namespace bulkhead::test {
namespace {

using Words = std::vector<std::string>;

const std::string kPrefix = "set namespacelabels.bulkhead.dev/"; // of the groups that stand for rights here

/// A label that says whose a namespace is, and the resource name of the right to set it.
struct Label {
    std::string key;
    std::string source;
    std::string component;
};
const std::vector<Label> kLabels{{"bulkhead.dev/tenant", "bulkhead", "admission"},
                                 {"capsule.clastix.io/tenant", "capsule", "admission-capsule"},
                                 {"kiosk.sh/account", "kiosk", "admission-kiosk"},
                                 {"payments.tree.hnc.x-k8s.io/depth", "hnc", "admission-hnc"}};

ApiUser with_rights(const std::string& name, const std::vector<std::string>& sources) {
    ApiUser user{.name = name, .token = "token-of-" + name, .groups = {}};
    for (const auto& source : sources)
        user.groups.push_back(kPrefix + source);
    return user;
}

/// For each label who may set only it, and who may set all others.
std::vector<ApiUser> users() {
    std::vector<ApiUser> all{with_rights("nobody", {})};
    for (const auto& [key, source, component] : kLabels) {
        std::vector<std::string> others;
        for (const auto& label : kLabels)
            if (label.source != source) others.push_back(label.source);
        all.push_back(with_rights("only-" + source, {source}));
        all.push_back(with_rights("not-" + source, others));
    }
    return all;
}

std::string labelled(const std::string& labels, const std::string& name = "fresh") {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {" + labels + "}}\n";
}

const Words kTryToCreate{"create", "--dry-run=server", "-f", "-"};

/// What is installed on EKS, and these components, with their policies in force.
void install(const ApiServer& server, const Words& components = {}) {
    kubectl(server, {"apply", "-k", Overlay("overlays/eks", components).path()});
    wait_for_crds(server);
    const auto nobody = require(server.kubeconfig_for("token-of-nobody"));
    for (const auto& label : kLabels) {
        if (label.component != "admission" && std::ranges::find(components, label.component) == components.end())
            continue;
        const auto in_force = [&] {
            return server.kubectl_as(nobody, kTryToCreate, labelled(label.key + ": '1'")).status != 0;
        };
        REQUIRE(wait_until(in_force, after(60s), 100ms));
    }
}

ApiServer installed(const Words& components = {}) {
    ApiServer server = started({.kind = ApiServerKind::kMachinery, .users = users()});
    install(server, components);
    return server;
}

TEST_CASE("all that is installed on EKS is accepted, and installed again it changes nothing") {
    const ApiServer server = started({.kind = ApiServerKind::kMachinery});
    const auto yaml = kubectl(server, {"kustomize", folder("overlays/eks")});
    for (const std::string kind : {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "FlowSchema"})
        CHECK(yaml.find("kind: " + kind + "\n") != std::string::npos);
    check_applied(server, yaml);
}

TEST_CASE("the templates of the overlay for EKS are accepted as they are, by the CRDs' rules too") {
    const ApiServer server = started({.kind = ApiServerKind::kMachinery});
    install_crds(server);
    check_templates_taken(server);
}

void check_denied(const ApiServer::Answer& answer, const std::string& why) {
    INFO(answer.output);
    CHECK(answer.status != 0);
    CHECK(answer.output.find("denied request: ") != std::string::npos);
    CHECK(answer.output.find(why) != std::string::npos);
}

void check_taken(const ApiServer::Answer& answer) {
    INFO(answer.output);
    CHECK(answer.status == 0);
}

TEST_CASE("labels that say whose a namespace is are set, changed and removed by those who have the right to") {
    const ApiServer server = installed({"admission-capsule", "admission-kiosk", "admission-hnc"});
    for (const auto& [key, source, component] : kLabels) {
        INFO(key);
        kubectl(server, {"create", "namespace", source});
        kubectl(server, {"label", "namespace", source, key + "=1"});
        const auto has_it = require(server.kubeconfig_for("token-of-only-" + source));
        const auto has_others = require(server.kubeconfig_for("token-of-not-" + source));
        const auto label = [&](const std::filesystem::path& who, const std::string& what) {
            return server.kubectl_as(who, {"label", "--dry-run=server", "--overwrite", "namespace", source, what});
        };
        const auto why = "not-" + source + " needs the right to set namespacelabels.bulkhead.dev \"" + source + "\"";
        check_denied(server.kubectl_as(has_others, kTryToCreate, labelled(key + ": '1'")), why);
        check_denied(label(has_others, key + "=2"), why);
        check_denied(label(has_others, key + "-"), why);
        check_taken(label(has_others, key + "=1")); // as it is
        check_taken(label(has_others, "team=a"));
        check_taken(server.kubectl_as(has_it, kTryToCreate, labelled(key + ": '1'")));
        check_taken(label(has_it, key + "=2"));
        check_taken(label(has_it, key + "-"));
    }
    const auto nobody = require(server.kubeconfig_for("token-of-nobody"));
    check_taken(server.kubectl_as(nobody, kTryToCreate, labelled("team: a, example.org/bulkhead.dev: a")));
}

TEST_CASE("as long as EKS' overlay takes no tenants from a tool, that tool labels as it did before") {
    const ApiServer server = installed();
    const auto nobody = require(server.kubeconfig_for("token-of-nobody"));
    for (const auto& label : kLabels) {
        if (label.component == "admission") continue;
        INFO(label.key);
        check_taken(server.kubectl_as(nobody, kTryToCreate, labelled(label.key + ": '1'")));
    }
}

struct Labelling {
    std::string ns;
    std::string labels;
    std::string why_not; // empty: it is taken
};

TEST_CASE("labels of bulkhead.dev that nobody can mean are refused with the words that there are") {
    const ApiServer server = installed();
    const std::string keys =
        "there are the labels bulkhead.dev/tenant, bulkhead.dev/level and bulkhead.dev/mode, and not ";
    const std::string levels = "bulkhead.dev/level is protected or non-protected, and not ";
    const std::string open =
        " is kept open, so bulkhead.dev/level=protected would do nothing; to force it, first take ";
    const std::vector<Labelling> rows{
        {"fresh", "bulkhead.dev/level: protected, bulkhead.dev/mode: audit, bulkhead.dev/tenant: Any.Name", ""},
        {"fresh", "bulkhead.dev/level: non-protected, bulkhead.dev/mode: enforce", ""},
        {"fresh", "bulkhead.dev/Level: protected", keys + "bulkhead.dev/Level"},
        {"fresh", "bulkhead.dev/node: node-a", keys + "bulkhead.dev/node"},
        {"fresh", "bulkhead.dev/expose: http", keys + "bulkhead.dev/expose"},
        {"fresh", "bulkhead.dev/level: Protected", levels + "\"Protected\""},
        {"fresh", "bulkhead.dev/level: ''", levels + "\"\""},
        {"fresh", "bulkhead.dev/mode: warn", "bulkhead.dev/mode is enforce or audit, and not \"warn\""},
        {"kube-system", "bulkhead.dev/level: protected", "kube-system" + open + "kube-system out of keep-open"},
        {kAgentNamespace, "bulkhead.dev/level: protected", std::string(kAgentNamespace) + open + kAgentNamespace},
        {"kube-system", "bulkhead.dev/level: non-protected, bulkhead.dev/mode: audit", ""},
        {"kube-system-2", "bulkhead.dev/level: protected", ""},
    };
    for (const auto& row : rows) {
        INFO(row.ns << " " << row.labels);
        const Words apply{"apply", "--server-side", "--dry-run=server", "-f", "-"};
        const auto answer = server.kubectl(apply, labelled(row.labels, row.ns));
        row.why_not.empty() ? check_taken(answer) : check_denied(answer, row.why_not);
    }
}

TEST_CASE("a namespace that had a wrong label before the policy can be changed, and rid of it") {
    const ApiServer server = started({.kind = ApiServerKind::kMachinery, .users = users()});
    put(server, labelled("bulkhead.dev/owner: me, bulkhead.dev/level: protected", "kube-system"));
    install(server);
    const auto label = [&](const std::string& what) {
        return server.kubectl({"label", "--overwrite", "namespace", "kube-system", what});
    };
    check_taken(label("team=a"));
    check_denied(label("bulkhead.dev/owner=you"), "and not bulkhead.dev/owner");
    check_taken(label("bulkhead.dev/owner-"));
    check_taken(label("bulkhead.dev/level-"));
    check_denied(label("bulkhead.dev/level=protected"), "is kept open");
}

TEST_CASE("the namespaces that the policy takes for kept open are those of the agents' settings") {
    const auto text_of = [](const std::string& name) {
        std::ifstream file(folder(name));
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const auto list_in = [](const std::string& text, const std::string& before) {
        const auto from = text.find(before);
        REQUIRE(from != std::string::npos);
        auto list = text.substr(from + before.size(), text.find(']', from) - from - before.size());
        std::ranges::replace(list, '\'', '"');
        return list;
    };
    const auto policy = text_of("components/admission/namespace-labels.yaml");
    const auto kept_open = list_in(policy, "- name: keptOpen\n      expression: >-\n        [");
    CHECK_FALSE(kept_open.empty());
    for (const std::string settings : {"base", "overlays/eks"})
        CHECK(list_in(text_of(settings + "/agent.toml"), "\nkeep-open = [") == kept_open);
}

TEST_CASE("an AWSResource can't have a name that is built in") {
    const ApiServer server = installed();
    const auto create = [&](const std::string& name) {
        return server.kubectl(kTryToCreate, "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: " +
                                                name + "}\nspec: {addresses: {instanceMetadata: true}}\n");
    };
    REQUIRE(wait_until([&] { return create("cluster-dns").status != 0; }, after(60s), 100ms));
    for (const std::string name : {"cluster-dns", "kube-apiserver"})
        check_denied(create(name), "the name " + name + " is built in");
    check_taken(create("cluster-dns-2"));
}

std::string slice(const std::string& name, const std::string& node, const std::string& labels) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\nmetadata: {name: " + name + ", labels: {" + labels +
           "}}\nspec: {node: " + node + ", tenant: bank, level: protected, labelKeys: [], endpoints: []}\n---\n";
}
std::string slice_of(const std::string& node) {
    return slice(node + "-00000001", node, "bulkhead.dev/node: " + node);
}

/// kubectl as whoever has a ServiceAccount's token; of a pod on `node`, if there is one.
ApiServer::Answer as_account(const ApiServer& server, const std::string& account, const std::string& node,
                             const Words& words, const std::string& input = "") {
    Words all{"--as", "system:serviceaccount:" + account};
    if (!node.empty()) all.push_back("--as-user-extra=authentication.kubernetes.io/node-name=" + node);
    all.insert(all.end(), words.begin(), words.end());
    return server.kubectl(all, input);
}

const std::string kAgent = std::string(kAgentNamespace) + ":" + kAgentName;
const std::string kController = std::string(kAgentNamespace) + ":bulkhead-controller";

TEST_CASE("an agent's token is good for the slices of its node, and for no others") {
    const ApiServer server = installed();
    put(server, slice_of("node-a") + slice_of("node-b")); // the admin is no agent
    const auto agent = [&](const Words& words, const std::string& input = "") {
        return as_account(server, kAgent, "node-a", words, input);
    };
    const std::string label = "bulkhead.dev/node: node-a";
    const auto in_force = [&] { return agent(kTryToCreate, slice("node-b-00000002", "node-b", label)).status != 0; };
    REQUIRE(wait_until(in_force, after(60s), 100ms));

    check_taken(agent(kTryToCreate, slice("node-a-00000002", "node-a", label)));
    check_denied(agent(kTryToCreate, slice("node-a-00000002", "node-b", label)),
                 "may not write IdentitySlices for node-b");
    check_denied(agent(kTryToCreate, slice("node-b-00000002", "node-a", label)), "is called node-a- and eight digits");
    check_denied(agent(kTryToCreate, slice("node-a-b-00000002", "node-a", label)),
                 "is called node-a- and eight digits");
    check_denied(agent(kTryToCreate, slice("node-a-00000002", "node-a", "bulkhead.dev/node: node-b")),
                 "has the label bulkhead.dev/node=node-a");
    check_denied(agent(kTryToCreate, slice("node-a-00000002", "node-a", "")), "has the label bulkhead.dev/node=node-a");
    check_denied(as_account(server, kAgent, "", kTryToCreate, slice("node-a-00000002", "node-a", label)),
                 "doesn't say on which node its pod runs");
    check_taken(as_account(server, "default:" + std::string(kAgentName), "", kTryToCreate,
                           slice("node-a-00000002", "node-b", "")));

    const auto patch = [](const std::string& name, const std::string& what) {
        return Words{"patch", "--dry-run=server", "--type=merge", "identityslice", name, "-p", what};
    };
    const auto remove = [](const std::string& name) {
        return Words{"delete", "--dry-run=server", "identityslice", name};
    };
    const std::string others = "may not change the IdentitySlices of node-b";
    check_taken(agent(patch("node-a-00000001", "{\"spec\": {\"tenant\": \"shop\"}}")));
    check_denied(agent(patch("node-b-00000001", "{\"spec\": {\"tenant\": \"shop\"}}")), others);
    check_denied(agent(patch("node-b-00000001", "{\"spec\": {\"node\": \"node-a\"}}")), others);
    check_denied(agent(patch("node-a-00000001", "{\"spec\": {\"node\": \"node-b\"}}")),
                 "may not write IdentitySlices for node-b");
    check_taken(agent(remove("node-a-00000001")));
    check_denied(agent(remove("node-b-00000001")), others);

    // Whom the API server calls is not an agent's to say: that slice is of no node.
    const std::string reach =
        "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\nmetadata: {name: kube-apiserver, "
        "labels: {bulkhead.dev/node: node-a}}\nspec: {kubeApiserver: []}\n";
    check_denied(agent(kTryToCreate, reach), "says of which node it is");
    check_denied(agent(kTryToCreate, slice("kube-apiserver", "node-a", label)), "is called node-a- and eight digits");
    put(server, reach);
    check_denied(agent(patch("kube-apiserver", "{\"spec\": {\"node\": \"node-a\"}}")), "only bulkhead-controller");
    check_denied(agent(patch("kube-apiserver", "{\"spec\": {\"kubeApiserver\": []}, \"metadata\": {\"labels\": {\"a\": "
                                               "\"b\"}}}")),
                 "only bulkhead-controller");
    check_denied(agent(remove("kube-apiserver")), "only bulkhead-controller");
}

TEST_CASE("which addresses an AWSResource was found to have is the controller's to say, and no agent's") {
    const ApiServer server = installed();
    put(server, slice_of("node-a"));
    const std::string found = "awsResource: aurora, addresses: [10.9.0.5]";
    const auto yaml = [](const std::string& name, const std::string& spec) {
        return "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\nmetadata: {name: " + name +
               ", labels: {bulkhead.dev/node: node-a, bulkhead.dev/scope: all}}\nspec: {" + spec + "}\n";
    };
    const auto agent = [&](const Words& words, const std::string& input = "") {
        return as_account(server, kAgent, "node-a", words, input);
    };
    const auto theirs = yaml("resource-aurora-0", found);
    REQUIRE(wait_until([&] { return agent(kTryToCreate, theirs).status != 0; }, after(60s), 100ms));
    check_denied(agent(kTryToCreate, theirs), "says of which node it is");
    const std::string refusal = "only bulkhead-controller may say which addresses an AWSResource has";
    check_denied(agent(kTryToCreate, yaml("node-a-00000002", "node: node-a, " + found)), refusal);
    check_taken(agent(kTryToCreate, yaml("node-a-00000002", "node: node-a")));
    check_denied(agent({"patch", "--dry-run=server", "--type=merge", "identityslice", "node-a-00000001", "-p",
                        R"({"spec": {"awsResource": "aurora"}})"}),
                 refusal);
    check_taken(as_account(server, kController, "", kTryToCreate, theirs));
    put(server, theirs);
    check_denied(agent({"patch", "--dry-run=server", "--type=merge", "identityslice", "resource-aurora-0", "-p",
                        R"({"spec": {"addresses": []}})"}),
                 "only bulkhead-controller");
    check_denied(agent({"delete", "--dry-run=server", "identityslice", "resource-aurora-0"}),
                 "only bulkhead-controller");
}

TEST_CASE("the controller's token takes the start-up taint from a node, and changes nothing else of it") {
    const ApiServer server = installed();
    const std::string ours = "{\"key\": \"bulkhead.dev/agent-not-ready\", \"effect\": \"NoSchedule\"}";
    const std::string gpu = "{\"key\": \"gpu\", \"effect\": \"NoSchedule\"}";
    put(server, "apiVersion: v1\nkind: Node\nmetadata: {name: node-a, labels: {zone: a}}\nspec: {taints: [" + ours +
                    ", " + gpu + "]}\n");
    const auto patch = [&](const std::string& account, const std::string& what) {
        return as_account(server, account, "",
                          {"patch", "--dry-run=server", "--type=merge", "node", "node-a", "-p", what});
    };
    const std::string label = "{\"metadata\": {\"labels\": {\"zone\": \"b\"}}}";
    REQUIRE(wait_until([&] { return patch(kController, label).status != 0; }, after(60s), 100ms));
    const auto taints = [](const std::string& some) { return "{\"spec\": {\"taints\": [" + some + "]}}"; };
    check_taken(patch(kController, taints(gpu)));
    for (const auto& wrong :
         {taints(ours), taints(""), taints(gpu + ", " + ours + ", {\"key\": \"a\", \"effect\": \"NoExecute\"}"), label,
          std::string("{\"spec\": {\"unschedulable\": true}}"),
          std::string("{\"metadata\": {\"annotations\": {\"a\": \"b\"}}}")})
        check_denied(patch(kController, wrong), "and change nothing else of a node");
    check_taken(patch("default:bulkhead-controller", label)); // somebody else
}

/// Requests that went through a level by a flow schema.
double dispatched(const ApiServer& server, const std::string& flow, const std::string& level) {
    return metric(server, "apiserver_flowcontrol_dispatched_requests_total",
                  {"flow_schema=\"" + flow + '"', "priority_level=\"" + level + '"'});
}

TEST_CASE("agents and the controller have their own priority level, and there each its flow, what agents write too") {
    const ApiServer server = installed();
    for (const std::string flow : {"bulkhead-controller", "bulkhead-agent", "bulkhead-agent-slices"})
        kubectl(server, {"wait", "--for=condition=Dangling=False", "--timeout=30s", "flowschema", flow});
    const Words list{"get", "--raw", "/apis/bulkhead.dev/v1alpha1/tenants"};
    const std::string slice =
        R"({"apiVersion": "bulkhead.dev/v1alpha1", "kind": "IdentitySlice", "spec": {"node": "node-a", "endpoints": []},
            "metadata": {"name": "node-a-00000001", "labels": {"bulkhead.dev/node": "node-a"}}})";
    const Words write{"create", "--raw", "/apis/bulkhead.dev/v1alpha1/identityslices", "-f", "-"};
    const auto of_agents = [&] { return dispatched(server, "bulkhead-agent", "bulkhead-agent"); };
    const auto of_slices = [&] { return dispatched(server, "bulkhead-agent-slices", "bulkhead-agent"); };
    check_taken(as_account(server, kAgent, "node-a", list));
    const auto listed = of_agents();
    CHECK(listed > 0);
    CHECK(of_slices() == 0);
    check_taken(as_account(server, kAgent, "node-a", write, slice));
    CHECK(of_slices() > 0);
    const Words renew{"get", "--raw", "/apis/coordination.k8s.io/v1/namespaces/bulkhead-system/leases"};
    for (const auto& words : {list, renew}) {
        const auto before = dispatched(server, "bulkhead-controller", "bulkhead-agent");
        check_taken(as_account(server, kController, "", words));
        CHECK(dispatched(server, "bulkhead-controller", "bulkhead-agent") > before);
    }
    check_taken(as_account(server, "default:" + std::string(kAgentName), "", list));
    CHECK(dispatched(server, "service-accounts", "workload-low") > 0);
    CHECK(of_agents() == listed);
}

} // namespace
} // namespace bulkhead::test
