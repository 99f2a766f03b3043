// SPDX-License-Identifier: Apache-2.0
//
// What is installed is what a real API server takes and what the agent understands, and opens nothing to people that it
// shouldn't. (What the agent may do: manifests_rights_test.cpp.)
#include <algorithm>

#include "manifests.h"
#include "options.h"
#include "support/process.h"

namespace bulkhead::test {
namespace {

using Version = ApiServer::Version;
using Words = std::vector<std::string>;

constexpr auto kNode = "node-a";

/// By one kubectl; nothing if there is none, or if it is too old for components and for folders as resources.
std::optional<std::string> rendered_by(const std::string& program, const std::string& path) {
    auto process = Process::start({program, "kustomize", path}, Process::Options{.input = ""});
    if (!process) return std::nullopt;
    const auto status = process->wait(after(60s));
    const std::string output = process->output();
    for (const std::string sign : {"must be a file", "unknown field \"components\"", "kustomization"})
        if (status != 0 && output.find(sign) != std::string::npos) return std::nullopt;
    INFO(program << ": " << output);
    REQUIRE(status == 0);
    return output;
}

/// What `kubectl apply -k` would apply: by the server's own kubectl, or by the PATH's if that is too old (1.20).
std::string rendered_at(const std::string& path) {
    require_assets();
    for (const auto& program : {cluster_asset("kubectl")->string(), std::string("kubectl")})
        if (auto yaml = rendered_by(program, path)) return *yaml;
    SKIP("no kubectl here is new enough to render " + path);
    return {};
}

std::string rendered(const std::string& name) {
    return rendered_at(folder(name));
}

std::vector<std::string> documents_of(const std::string& yaml) {
    const std::string mark = "---\n";
    std::vector<std::string> documents;
    for (size_t from = 0, end = 0; from < yaml.size(); from = end + mark.size()) {
        end = std::min(yaml.find("\n" + mark, from), yaml.size() - 1) + 1;
        documents.push_back(yaml.substr(from, end - from));
    }
    return documents;
}

/// Came with this Kubernetes; 1.0 = always there.
Version first_with(const std::string& document) {
    const auto is_of = [&](const std::string& group) {
        return document.find("apiVersion: " + group + "\n") != std::string::npos;
    };
    if (is_of("admissionregistration.k8s.io/v1")) return {1, 30}; // its policies; we have no webhooks
    if (is_of("flowcontrol.apiserver.k8s.io/v1")) return {1, 29};
    if (is_of("policy/v1")) return {1, 21};
    return {1, 0};
}

TEST_CASE("what is installed is accepted by the API server, and installed again it changes nothing") {
    const std::string base = rendered("base"), uninstall = rendered("uninstall");
    const ApiServer server = started();
    check_applied(server, base);
    check_applied(server, uninstall);
}

TEST_CASE("the overlay for EKS is accepted by the API server, as far as its version knows the kinds") {
    const auto documents = documents_of(rendered("overlays/eks"));
    const ApiServer server = started();
    const Version version = require(server.version());
    std::string known, unknown;
    for (const auto& document : documents)
        if (version >= first_with(document))
            known += document + "---\n";
        else
            unknown += document.substr(0, document.find("\nspec:")) + "\n";
    check_applied(server, known);
    if (!unknown.empty()) SKIP("what this API server is too old for was rendered, but not applied:\n" + unknown);
}

TEST_CASE("the templates of the overlay for EKS are accepted by the API server as they are") {
    const ApiServer server = started();
    install_crds(server);
    check_templates_taken(server);
}

TEST_CASE("for Linux 5.10 the agent has one capability more, and nothing else is different") {
    const auto more = rendered_at(Overlay("base", {"kernel-5.10"}).path());
    auto expected = rendered("base");
    const std::string last = "            - PERFMON\n";
    REQUIRE(expected.find(last) != std::string::npos);
    expected.insert(expected.find(last) + last.size(), "            - SYS_RESOURCE\n");
    CHECK(more == expected);
}

TEST_CASE(
    "to grant load balancers the controller has one argument more and rights of its own, and nothing else changes") {
    auto more = documents_of(rendered_at(Overlay("base", {"load-balancers"}).path()));
    std::erase_if(more, [](const std::string& document) {
        return document.find("name: bulkhead-controller-load-balancers\n") != std::string::npos;
    });
    auto expected = documents_of(rendered("base"));
    CHECK(documents_of(rendered_at(Overlay("base", {"load-balancers"}).path())).size() == expected.size() + 2);
    const std::string last = "        - --config=/etc/bulkhead/agent.toml\n";
    for (auto& document : expected)
        if (const auto at = document.find(last); document.find("kind: Deployment\n") != std::string::npos) {
            REQUIRE(at != std::string::npos);
            document.insert(at + last.size(), "        - --grant-load-balancers\n");
        }
    CHECK(more == expected);
}

TEST_CASE("with the CNI gate the agent's pod has one container more, and nothing else of it is different") {
    const auto agents = [](const std::string& yaml) {
        for (const auto& document : documents_of(yaml))
            if (document.find("kind: DaemonSet\n") != std::string::npos) return document;
        return std::string();
    };
    const auto with = agents(rendered_at(Overlay("base", {"cni-gate"}).path()));
    const auto without = agents(rendered("base"));
    const ApiServer server = started();
    kubectl(server, {"apply", "-f", folder("base/namespace.yaml")});
    const auto spec_of = [&](const std::string& yaml) {
        put(server, yaml);
        return object(server, {"-n", kAgentNamespace, "daemonset", kAgentName}).at("spec").at("template").at("spec");
    };
    const Json before = spec_of(without);
    Json after = spec_of(with);
    REQUIRE(after.at("containers").size() == 2);
    const Json gate = after.at("containers").at(1);
    CHECK(gate.at("command") == Json{"bulkhead-cni"});
    CHECK(gate.at("image") == before.at("containers").at(0).at("image"));
    CHECK(gate.at("securityContext").at("capabilities") == Json{{"drop", {"ALL"}}});
    after["containers"].erase(1);
    auto& volumes = after["volumes"];
    REQUIRE(volumes.size() == before.at("volumes").size() + 2);
    CHECK(volumes.at(4).at("hostPath") == Json{{"path", "/opt/cni/bin"}, {"type", "DirectoryOrCreate"}});
    CHECK(volumes.at(5).at("hostPath") == Json{{"path", "/etc/cni/net.d"}, {"type", "DirectoryOrCreate"}});
    volumes.erase(5);
    volumes.erase(4);
    CHECK(after == before);
}

/// The arguments of a container, as the kubelet gives them to it.
Words arguments_of(const Json& container, const std::string& config) {
    Words words{container.at("command").at(0)};
    for (std::string word : container.at("args")) {
        if (const auto at = word.find("$(NODE_NAME)"); at != std::string::npos) word.replace(at, 12, kNode);
        if (word == "--config=/etc/bulkhead/agent.toml") word = "--config=" + config;
        words.push_back(word);
    }
    return words;
}

/// As main() does; nothing if the agent would end here.
std::optional<Options> options_of(Words words) {
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    Options options;
    if (parse(static_cast<int>(arguments.size()), arguments.data(), options)) return std::nullopt;
    return options;
}

Json volume_of(const Json& pod, const std::string& name) {
    for (const Json& volume : pod.at("volumes"))
        if (volume.at("name") == name) return volume.at("hostPath");
    return {};
}

bool mounts(const Json& container, const std::string& path) {
    return std::ranges::any_of(container.at("volumeMounts"), [&](const Json& mount) {
        return path.starts_with(mount.at("mountPath").get<std::string>() + "/");
    });
}

TEST_CASE("the agent understands the arguments and the settings that the DaemonSet gives it") {
    const ApiServer server = started();
    kubectl(server, {"apply", "-f", folder("base/namespace.yaml"), "-f", folder("base/daemonset.yaml")});
    const Json pod = object(server, {"-n", kAgentNamespace, "daemonset", kAgentName}).at("spec").at("template");
    const Json& container = pod.at("spec").at("containers").at(0);
    for (const auto& [settings, mode] :
         {std::pair("base", state::Mode::kEnforce), {"overlays/eks", state::Mode::kAudit}}) {
        INFO(settings);
        const std::string config = folder(settings) + "/agent.toml";
        const auto options = options_of(arguments_of(container, config));
        REQUIRE(options);
        CHECK(options->is_kube());
        CHECK(options->node_name == kNode);
        CHECK(options->policy.default_mode == mode);
        CHECK(options->policy.keep_open == std::set<std::string>{"kube-system", kAgentNamespace});
        CHECK(options->metrics_address ==
              ":" + std::to_string(container.at("ports").at(0).at("containerPort").get<int>()));
        CHECK(mounts(container, options->pin_dir));
        CHECK(mounts(container, options->socket));
        CHECK(mounts(container, options->edges_file));
        CHECK(volume_of(pod.at("spec"), "state") == Json{{"path", "/var/lib/bulkhead"}, {"type", "DirectoryOrCreate"}});
        CHECK(pod.at("metadata").at("annotations").at("prometheus.io/port") == options->metrics_address.substr(1));
    }
    auto wrong = arguments_of(container, folder("base/agent.toml"));
    wrong.emplace_back("--no-such-option");
    CHECK_FALSE(options_of(wrong));
    CHECK_FALSE(options_of(arguments_of(container, folder("base/daemonset.yaml"))));
}

TEST_CASE("the line about NodeLocal DNSCache is one that the agent understands, once its address is filled in") {
    std::ifstream file(folder("overlays/eks/agent.toml"));
    std::string settings(std::istreambuf_iterator<char>(file), {});
    for (const auto& [from, to] :
         {std::pair("\n# dns-address", "\ndns-address"), {"<kube-dns cluster IP>", "10.100.0.10"}}) {
        const std::string before = from;
        REQUIRE(settings.find(before) != std::string::npos);
        settings.replace(settings.find(before), before.size(), to);
    }
    const Overlay place("base", {}); // a folder of our own
    std::ofstream(place.path() + "/agent.toml") << settings;
    const auto options =
        options_of({"bulkhead-agent", "--source=kube", "--node-name", kNode, "--config", place.path() + "/agent.toml"});
    REQUIRE(options);
    CHECK(options->policy.dns_addresses ==
          std::set<Address>{require(Address::parse("169.254.20.10")), require(Address::parse("10.100.0.10"))});
}

TEST_CASE("uninstalling detaches what the DaemonSet's agent attached") {
    const ApiServer server = started();
    kubectl(server, {"apply", "-f", folder("base/namespace.yaml"), "-f", folder("uninstall/daemonset.yaml")});
    const Json pod = object(server, {"-n", kAgentNamespace, "daemonset", "bulkhead-detach"}).at("spec").at("template");
    // Before: a node without an agent whose gate is still there lets no pod start.
    const Json& gate = pod.at("spec").at("initContainers").at(0);
    CHECK(gate.at("command") == Json{"bulkhead-cni"});
    CHECK(gate.at("args").at(0) == "uninstall");
    const Json& container = pod.at("spec").at("initContainers").at(1);
    const auto options = options_of(arguments_of(container, ""));
    REQUIRE(options);
    CHECK(options->detach);
    CHECK(options->node_wide);
    CHECK(mounts(container, Options{}.pin_dir));
    CHECK(mounts(container, Options{}.socket));
    for (const std::string settings : {"base", "overlays/eks"}) { // it removes the file that they name
        const auto agents = options_of(
            {"bulkhead-agent", "--source=kube", "--node-name", kNode, "--config", folder(settings) + "/agent.toml"});
        REQUIRE(agents);
        CHECK(options->edges_file == agents->edges_file);
        CHECK(mounts(container, agents->edges_file));
    }
    CHECK(pod.at("spec").at("hostNetwork") == true);
}

TEST_CASE("uninstalling goes to the nodes on which EKS' overlay puts agents, and waits for no others") {
    const auto documents = documents_of(rendered("overlays/eks"));
    const ApiServer server = started();
    kubectl(server, {"apply", "-f", folder("base/namespace.yaml"), "-f", folder("uninstall/daemonset.yaml")});
    for (const auto& document : documents)
        if (document.find("kind: DaemonSet\n") != std::string::npos) put(server, document);
    const auto placed = [&](const std::string& name) {
        const Json pod =
            object(server, {"-n", kAgentNamespace, "daemonset", name}).at("spec").at("template").at("spec");
        return Json{pod.at("affinity"), pod.at("nodeSelector"), pod.at("tolerations")};
    };
    const Json agents = placed(kAgentName);
    CHECK(agents.dump().find(R"("operator":"NotIn","values":["fargate","hybrid","auto"])") != std::string::npos);
    CHECK(placed("bulkhead-detach") == agents);
}

/// Which kubectl can't ask, because no server has the resource.
bool may_set_labels(const ApiServer& server, const std::string& user) {
    const Json review{
        {"apiVersion", "authorization.k8s.io/v1"},
        {"kind", "SubjectAccessReview"},
        {"spec",
         {{"user", user},
          {"resourceAttributes",
           {{"group", "bulkhead.dev"}, {"resource", "namespacelabels"}, {"name", "capsule"}, {"verb", "set"}}}}}};
    const auto answer = kubectl(server, {"create", "-f", "-", "-o", "json"}, review.dump());
    return Json::parse(answer).at("status").at("allowed");
}

struct Question {
    Words words; // of kubectl auth can-i
    bool yes;
};

void check_answers(const ApiServer& server, const Words& as, const std::vector<Question>& questions) {
    for (const auto& [words, yes] : questions) {
        Words all{"auth", "can-i"};
        all.insert(all.end(), words.begin(), words.end());
        all.insert(all.end(), as.begin(), as.end());
        std::string text;
        for (const auto& word : all)
            text += word + " ";
        INFO(text);
        CHECK((server.kubectl(all).status == 0) == yes);
    }
}

TEST_CASE("who may edit a namespace may write its AccessGrants, and nobody's Tenant") {
    if (const auto found = cluster_asset("kube-controller-manager"); !found) SKIP(found.error().text); // aggregates
    const ApiServer server = started({.controller_manager = true});
    kubectl(server, {"apply", "-k", folder("crds")});
    kubectl(server, {"apply", "-f", folder("base/people.yaml")});
    put(server, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    for (const std::string role : {"view", "edit", "admin"})
        kubectl(server, {"-n", "shop", "create", "rolebinding", role, "--clusterrole=" + role, "--user=" + role});
    kubectl(server, {"create", "clusterrolebinding", "ops", "--clusterrole=bulkhead-platform", "--user=ops"});
    const auto aggregated = [&] {
        const Words question{"auth", "can-i", "create", "accessgrants.bulkhead.dev", "-n", "shop", "--as=admin"};
        return server.kubectl(question).status == 0;
    };
    REQUIRE(wait_until(aggregated, after(60s), 100ms));
    const Words list_grants{"list", "accessgrants.bulkhead.dev", "-n", "shop"};
    const Words write_grants{"create", "accessgrants.bulkhead.dev", "-n", "shop"};
    const Words write_others{"create", "accessgrants.bulkhead.dev", "-n", "default"};
    const Words write_tenants{"update", "tenants.bulkhead.dev"};
    const Words write_slices{"patch", "identityslices.bulkhead.dev"};
    for (const auto& [who, writes] : {std::pair("view", false), {"edit", true}, {"admin", true}})
        check_answers(server, {std::string("--as=") + who},
                      {{list_grants, true},
                       {write_grants, writes},
                       {write_others, false},
                       {write_tenants, false},
                       {write_slices, false}});
    check_answers(server, {"--as=ops"},
                  {{list_grants, true},
                   {write_others, true},
                   {write_tenants, true},
                   {write_slices, false},
                   {{"update", "namespaces"}, false},
                   {{"get", "secrets", "-n", "shop"}, false}});
    for (const auto& [who, sets] : {std::pair("edit", false), {"admin", false}, {"ops", true}})
        CHECK(may_set_labels(server, who) == sets);
}

TEST_CASE("labels that say whose a namespace is are set, changed and removed only by who has the right to") {
    const ApiServer server = started({.users = {{.name = "deputy", .token = "copies"}}});
    if (require(server.version()) < Version{1, 30}) SKIP("this API server is too old for admission policies");
    kubectl(server, {"apply", "-f", folder("base/people.yaml")});
    for (const std::string component : {"admission", "admission-capsule", "admission-kiosk", "admission-hnc"})
        kubectl(server, {"apply", "-f", folder("components/" + component + "/namespace-labels.yaml")});
    put(server, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {bulkhead.dev/mode: audit}}\n");
    kubectl(server, {"create", "clusterrole", "labels", "--verb=get,create,patch", "--resource=namespaces"});
    kubectl(server, {"create", "clusterrolebinding", "labels", "--clusterrole=labels", "--user=deputy"});
    const auto deputy = require(server.kubeconfig_for("copies"));
    REQUIRE(wait_until_may(server, deputy, {"patch", "namespaces"}, true));
    const auto label = [&](const std::string& words) {
        return server.kubectl_as(deputy, {"label", "namespace", "shop", "--overwrite", words});
    };
    const auto refused = [](const ApiServer::Answer& answer, const std::string& source) {
        const auto words = "needs the right to set namespacelabels.bulkhead.dev \"" + source + "\"";
        return answer.status != 0 && answer.output.find(words) != std::string::npos;
    };
    const std::string level = "bulkhead.dev/level=protected";
    // The API server hears of policies by a watch of its own.
    for (const auto& [words, source] : {std::pair(level, "bulkhead"),
                                        {"capsule.clastix.io/tenant=bank", "capsule"},
                                        {"kiosk.sh/account=bank", "kiosk"},
                                        {"bank.tree.hnc.x-k8s.io/depth=1", "hnc"}})
        REQUIRE(wait_until([&] { return refused(label(words), source); }, after(60s), 100ms));
    CHECK(refused(label("bulkhead.dev/mode=enforce"), "bulkhead"));
    CHECK(refused(label("bulkhead.dev/mode-"), "bulkhead"));
    CHECK(label("colour=blue").status == 0);
    const std::string fresh = "apiVersion: v1\nkind: Namespace\nmetadata: {name: fresh, labels: {";
    CHECK(
        refused(server.kubectl_as(deputy, {"create", "-f", "-"}, fresh + "bulkhead.dev/tenant: bank}}\n"), "bulkhead"));
    CHECK(server.kubectl_as(deputy, {"create", "-f", "-"}, fresh + "colour: red}}\n").status == 0);

    put(server, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: kiosk}\nrules: "
                "[{apiGroups: [bulkhead.dev], resources: [namespacelabels], resourceNames: [kiosk], verbs: [set]}]\n");
    kubectl(server, {"create", "clusterrolebinding", "kiosk", "--clusterrole=kiosk", "--user=deputy"});
    REQUIRE(wait_until([&] { return label("kiosk.sh/account=bank").status == 0; }, after(30s), 100ms));
    CHECK(refused(label(level), "bulkhead"));
    kubectl(server, {"create", "clusterrolebinding", "ops", "--clusterrole=bulkhead-platform", "--user=deputy"});
    CHECK(wait_until([&] { return label(level).status == 0; }, after(30s), 100ms));
}

} // namespace
} // namespace bulkhead::test
