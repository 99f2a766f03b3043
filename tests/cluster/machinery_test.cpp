// SPDX-License-Identifier: Apache-2.0
//
// What only a current API server does, before one of current libraries (machinery/README.md says what that is): lists
// that are streamed, and rules in CRDs.
#include <fstream>
#include <sstream>

#include "../unit/source_fixture.h"
#include "api_metrics.h"
#include "kube_view.h"
#include "refusals.h"

namespace bulkhead::test {
namespace {

/// Ready for objects of ours.
ApiServer machinery() {
    ApiServer server = started({.kind = ApiServerKind::kMachinery});
    install_crds(server);
    return server;
}

std::string resource(const std::string& name) {
    return "resource=\"" + name + '"';
}

double streamed_lists(const ApiServer& server, const std::string& of) {
    return metric(server, "apiserver_watch_list_duration_seconds_count", {resource(of)});
}
double other_lists(const ApiServer& server, const std::string& of) {
    return metric(server, "apiserver_request_total", {resource(of), "verb=\"LIST\""});
}
double watches_under_way(const ApiServer& server, const std::string& of) {
    return metric(server, "apiserver_longrunning_requests", {resource(of), "verb=\"WATCH\""});
}

/// Of resources that nobody but the agent asks for.
void check_streamed(const ApiServer& server, const std::vector<std::string>& resources) {
    for (const std::string& name : resources) {
        INFO(name);
        CHECK(streamed_lists(server, name) == 1);
        CHECK(other_lists(server, name) == 0);
        CHECK(watches_under_way(server, name) == 1);
    }
}

const std::vector<std::string> kOurs{"tenants", "accessgrants", "awsresources", "overrides", "identityslices"};

TEST_CASE("where lists are streamed, all first lists are, and the same streams go on as watches") {
    const ApiServer server = machinery();
    put(server, ns("shop", "protected") + tenant("{namespaces: [shop], level: protected}"));
    put(server, pod("here", kNode) + pod("there", "node-b"));
    View view(server.kubeconfig());
    view.wait_synced();
    CHECK(level_of_shop(view) == "protected");
    CHECK(view.cluster().tenants().contains("bank"));
    CHECK(view.cluster().pods().contains("shop/here"));
    CHECK_FALSE(view.cluster().pods().contains("shop/there"));
    view.wait_for_no_complaint();
    check_streamed(server, kOurs);
    CHECK(streamed_lists(server, "pods") == 1);

    put(server, ns("shop", "non-protected") + pod("too", kNode));
    kubectl(server, {"-n", "shop", "delete", "pod", "here", "--force", "--grace-period=0"});
    kubectl(server, {"delete", "tenant", "bank", "--wait=false"}); // to wait, kubectl would list
    view.wait("the changes", [&] {
        return level_of_shop(view) == "non-protected" && view.cluster().pods().contains("shop/too") &&
               !view.cluster().pods().contains("shop/here") && view.cluster().tenants().empty();
    });
    check_streamed(server, kOurs);
    CHECK(view.source().hearing().lists == source::kube::agent_resources(kNode).size());
}

/// While nobody looks; on its way there the server had other things to remember.
void make_forget(ApiServer& server, const std::string& meanwhile) {
    server.kill();
    start_again(server);
    put(server, meanwhile);
    require(server.compact_etcd());
    server.kill();
    start_again(server);
}

TEST_CASE("a server that forgot where we were streams its lists anew, and what stayed is no change") {
    ApiServer server = machinery();
    put(server, ns("shop", "protected") + tenant("{namespaces: [shop]}") + pod("here", kNode));
    View view(server.kubeconfig());
    view.wait_synced();
    view.cluster().take_changes();
    const auto first_lists = view.source().hearing().lists;

    make_forget(server, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\n");
    view.wait("new lists", [&] { return view.source().hearing().lists >= 2 * first_lists; });
    view.wait_for_no_complaint();
    check_streamed(server, kOurs);
    CHECK_FALSE(view.cluster().dirty());

    put(server, ns("shop", "non-protected"));
    view.wait("the change after", [&] { return level_of_shop(view) == "non-protected"; });
}

/// As if the server that was restored from a backup had been far ahead before.
void set_versions(const std::filesystem::path& path, const std::string& version) {
    std::ostringstream text;
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    text << line << "\n";
    while (std::getline(file, line))
        text << version << line.substr(line.find(' ')) << "\n";
    file.close();
    std::ofstream(path, std::ios::trunc) << text.str();
}

TEST_CASE("a server behind what a former agent knew streams its lists nevertheless, after three tries") {
    const ApiServer server = machinery();
    put(server, ns("shop", "protected") + tenant("{namespaces: [shop]}"));
    const source::TemporaryDirectory directory;
    const auto path = directory.at("agent.versions");
    {
        View former(server.kubeconfig());
        former.source().remember_in(path);
        former.wait_synced();
    }
    set_versions(path, "4000000000000000000");
    const auto streamed = streamed_lists(server, "tenants");
    View view(server.kubeconfig());
    view.source().remember_in(path);
    view.wait_for_complaint("behind what it said before");
    view.wait_synced();
    CHECK(view.cluster().tenants().contains("bank"));
    CHECK(streamed_lists(server, "tenants") == streamed + 1);
    view.wait_for_no_complaint();
}

constexpr size_t kMany = 150;

/// So large that most of them are still the server's when the first ones are ours: buffers on the way hold less.
std::string many_large_tenants() {
    const std::string padding(200'000, 'x');
    std::string all;
    for (size_t i = 0; i < kMany; ++i)
        all += "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: tenant-" + std::to_string(i) +
               ", annotations: {padding: " + padding + "}}\nspec: {namespaces: [ns-" + std::to_string(i) + "]}\n---\n";
    return all;
}

TEST_CASE("a streamed list that breaks off is asked for again, and until one is whole nothing is gone") {
    ApiServer server = machinery();
    kubectl(server, {"create", "-f", "-"}, many_large_tenants());
    View view(server.kubeconfig());
    const auto heard = [&] { return view.source().hearing().events; };
    view.wait("some tenants", [&] { return heard() > 20; }); // there is hardly anything else
    server.kill();
    view.wait_for_complaint(server.url());
    CHECK(heard() < kMany);
    CHECK_FALSE(view.source().synced());
    CHECK(view.cluster().tenants().empty());
    start_again(server);
    view.wait_synced();
    CHECK(view.cluster().tenants().size() == kMany);
    view.wait_for_no_complaint();
    CHECK(other_lists(server, "tenants") == 0);

    server.kill();
    start_again(server);
    kubectl(server, {"delete", "tenant", "tenant-0"});
    make_forget(server, ns("shop", "protected"));
    const auto before = heard();
    view.wait("some events", [&] { return heard() > before + 20; });
    server.kill();
    view.wait_for_complaint(server.url());
    CHECK(view.cluster().tenants().size() == kMany);
    start_again(server);
    view.wait("the deletion", [&] { return !view.cluster().tenants().contains("tenant-0"); });
    CHECK(view.cluster().tenants().size() == kMany - 1);
    CHECK(other_lists(server, "tenants") == 0);
}

TEST_CASE("where rules are known, ours compile and refuse what no schema can, and take the near miss") {
    const ApiServer server = machinery();
    kubectl(server, {"create", "namespace", "payments"});
    check_refused(server, Refuses::kRules);
    check_refused(server, Refuses::kSchema);
}

TEST_CASE("two who apply parts of a tenant side by side don't merge its selector") {
    const ApiServer server = machinery();
    const auto apply_as = [&](const std::string& who, const std::string& spec) {
        return server.kubectl({"apply", "--server-side", "--field-manager", who, "-f", "-"},
                              document_of("Tenant", "shared", spec));
    };
    CHECK(apply_as("one", "{namespaceSelector: {matchLabels: {team: a}}}").status == 0);
    CHECK(apply_as("two", "{mode: audit}").status == 0);
    const auto refused = apply_as("two", "{namespaceSelector: {matchLabels: {stage: b}}}");
    CHECK(refused.output.find("conflict with \"one\": .spec.namespaceSelector") != std::string::npos);
}

} // namespace
} // namespace bulkhead::test
