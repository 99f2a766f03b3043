// SPDX-License-Identifier: Apache-2.0
//
// The API server as the source: what kubectl says there is in the cluster state, and nothing that goes wrong between
// takes anything out of it.
#include <fstream>

#include "kube_view.h"
#include "support/objects.h"

namespace bulkhead::test {
namespace {

TEST_CASE("what kubectl applies is in the cluster state, of pods this node's, and what it deletes is gone") {
    const ApiServer server = started();
    install_crds(server);
    put(server, ns("shop", "protected") + tenant("{namespaces: [shop], level: protected}"));
    put(server, pod("here", kNode) + pod("there", "node-b"));
    put(server, "apiVersion: v1\nkind: Node\nmetadata: {name: node-b}\n");
    View view(server.kubeconfig());
    view.wait_synced();
    CHECK(level_of_shop(view) == "protected");
    CHECK(view.cluster().tenants().contains("bank"));
    CHECK(view.cluster().nodes().contains("node-b"));
    CHECK(view.cluster().pods().contains("shop/here"));
    CHECK_FALSE(view.cluster().pods().contains("shop/there"));
    CHECK(view.cluster().services().contains({"Service", "default", "kubernetes"}));
    CHECK(view.complaints() == "");

    put(server, ns("shop", "non-protected") + pod("too", kNode));
    kubectl(server, {"-n", "shop", "delete", "pod", "here", "--force", "--grace-period=0"});
    kubectl(server, {"delete", "tenant", "bank"});
    view.wait("the changes", [&] {
        return level_of_shop(view) == "non-protected" && view.cluster().pods().contains("shop/too") &&
               !view.cluster().pods().contains("shop/here") && view.cluster().tenants().empty();
    });
}

TEST_CASE("other nodes' pods come from their slices, this node's own slice says nothing to it") {
    const ApiServer server = started();
    install_crds(server);
    const auto slice = [](const std::string& node, const std::string& pods) {
        return "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\nmetadata: {name: " + node +
               "-1, labels: {bulkhead.dev/node: " + node + "}}\nspec: {node: " + node +
               ", tenant: bank, level: protected, labelKeys: [], endpoints: [" + pods + "]}\n---\n";
    };
    put(server, slice("node-b", "{namespace: shop, pod: far, addresses: [10.0.2.1]}") +
                    slice(kNode, "{namespace: shop, pod: near, addresses: [10.0.1.1]}"));
    View view(server.kubeconfig());
    view.wait_synced();
    REQUIRE(view.cluster().pods().size() == 1);
    const auto& far = view.cluster().pods().at("shop/far");
    CHECK(far.node == "node-b");
    CHECK(far.ips == std::vector<Address>{address("10.0.2.1")});

    put(server, slice("node-b", "{namespace: shop, pod: next, addresses: [10.0.2.2]}"));
    view.wait("another pod", [&] { return view.cluster().pods().contains("shop/next"); });
    CHECK_FALSE(view.cluster().pods().contains("shop/far"));
    kubectl(server, {"delete", "identityslice", "node-b-1"});
    view.wait("no pod", [&] { return view.cluster().pods().empty(); });
}

/// A nested list of who manages which field, which the server keeps as it was sent.
std::string with_deep_managers(const std::string& object) {
    std::string fields = "{}";
    for (int level = 0; level < 300; ++level)
        fields = R"({"f:a":)" + fields + "}";
    auto json = Json::parse(object);
    json["metadata"]["managedFields"] = Json::array({{{"manager", "odd"},
                                                      {"operation", "Update"},
                                                      {"apiVersion", json["apiVersion"]},
                                                      {"fieldsType", "FieldsV1"},
                                                      {"time", "2026-01-01T00:00:00Z"},
                                                      {"fieldsV1", Json::parse(fields)}}});
    return json.dump();
}

TEST_CASE("what a tenant writes about who manages its objects keeps nobody from hearing what comes after") {
    const ApiServer server = started();
    install_crds(server);
    put(server, ns("shop", "non-protected"));
    View view(server.kubeconfig());
    view.wait_synced();
    const auto odd = with_deep_managers(R"({"apiVersion": "bulkhead.dev/v1alpha1", "kind": "AccessGrant",
        "metadata": {"name": "odd", "namespace": "shop"}, "spec": {"from": [{"world": true}]}})");
    const auto created = kubectl(
        server, {"create", "--raw", "/apis/bulkhead.dev/v1alpha1/namespaces/shop/accessgrants", "-f", "-"}, odd);
    REQUIRE(created.find(R"({"f:a":{"f:a":)") != std::string::npos);
    put(server, "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: later, namespace: shop}\n"
                "spec: {from: [{world: true}]}\n");
    view.wait("both", [&] { return view.cluster().access_grants().size() == 2; });
    View fresh(server.kubeconfig());
    fresh.wait_synced();
    CHECK(fresh.cluster().access_grants().size() == 2);
    CHECK(fresh.complaints() == "");
}

TEST_CASE("while the server is away everything stays in force; it is named; and the watches go on where they were") {
    ApiServer server = started();
    install_crds(server);
    put(server, ns("shop", "protected"));
    View view(server.kubeconfig());
    view.wait_synced();
    view.cluster().take_changes();
    for (const auto end : {&ApiServer::stop, &ApiServer::kill}) {
        (server.*end)();
        view.wait_for_complaint("what was said last stays in force");
        CHECK(view.complaints().find(server.url()) != std::string::npos);
        CHECK(level_of_shop(view) == "protected");
        start_again(server);
        view.wait_for_no_complaint();
        CHECK_FALSE(view.cluster().dirty());
    }
    put(server, ns("shop", "non-protected"));
    view.wait("the change after", [&] { return level_of_shop(view) == "non-protected"; });
}

TEST_CASE("a server that forgot where we were is listed anew: what stayed is no change, what went is gone") {
    ApiServer server = started();
    install_crds(server);
    put(server, ns("shop", "protected") + ns("blog", "non-protected") + tenant("{namespaces: [shop]}"));
    View view(server.kubeconfig());
    view.wait_synced();
    view.cluster().take_changes();

    server.kill(); // and nobody looks until it forgot what comes now
    start_again(server);
    put(server, pod("late", kNode) + ns("blog", "protected"));
    kubectl(server, {"delete", "tenant", "bank"});
    put(server, ns("news", "protected"));
    require(server.compact_etcd());
    server.kill();
    start_again(server);

    view.wait("what was missed", [&] {
        return view.cluster().tenants().empty() && view.cluster().pods().contains("shop/late") &&
               view.cluster().namespaces().contains("news");
    });
    CHECK(view.cluster().namespaces().at("blog").labels.at("bulkhead.dev/level") == "protected");
    view.wait_for_no_complaint();
    CHECK(view.source().hearing().lists > source::kube::agent_resources(kNode).size());
}

TEST_CASE("a missing permission is named, and granted later it is enough") {
    const ApiServer server = started({.users = {{.name = "agent", .token = "token-of-agent"}}});
    install_crds(server);
    put(server, ns("shop", "protected"));
    const auto kubeconfig = require(server.kubeconfig_for("token-of-agent"));
    View view(kubeconfig);
    view.wait_for_complaint("needs the permission to list tenants.bulkhead.dev (403)");
    view.wait_for_complaint("needs the permission to list namespaces (403)");
    CHECK_FALSE(view.source().synced());
    kubectl(server, {"create", "clusterrole", "reader", "--verb=get,list,watch", "--resource=*.*"});
    kubectl(server, {"create", "clusterrolebinding", "reader", "--clusterrole=reader", "--user=agent"});
    view.wait_synced();
    view.wait_for_no_complaint();
    CHECK(level_of_shop(view) == "protected");

    kubectl(server, {"delete", "clusterrolebinding", "reader"});
    put(server, ns("shop", "non-protected"));
    view.wait("the running watch's last word", [&] { return level_of_shop(view) == "non-protected"; });
}

TEST_CASE("a cluster's authority that is replaced in its file counts without a restart") {
    const ApiServer server = started();
    install_crds(server);
    put(server, ns("shop", "protected"));
    const auto file = server.ca_file().parent_path() / "rotating.crt";
    const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
    write("-----BEGIN CERTIFICATE-----\nYW5vdGhlciBjbHVzdGVyJ3M=\n-----END CERTIFICATE-----\n");
    auto access = require(source::kube::read_kubeconfig(server.kubeconfig()));
    access.ca_file = file;
    View view(access);
    view.wait_for_complaint(server.url() + ": ");
    CHECK_FALSE(view.source().synced());
    std::filesystem::copy_file(server.ca_file(), file, std::filesystem::copy_options::overwrite_existing);
    view.wait_synced();
    view.wait_for_no_complaint();

    write("half of a rotation");
    view.wait_for_complaint("rotating.crt");
    view.wait_for_complaint("what was read before stays in use");
    put(server, ns("shop", "non-protected"));
    view.wait("the change", [&] { return level_of_shop(view) == "non-protected"; });
}

TEST_CASE("a server without our CRDs is told from one that is empty, and does once they are there") {
    const ApiServer server = started();
    View view(server.kubeconfig());
    view.wait_for_complaint("the API server has no tenants.bulkhead.dev: are Bulkhead's CRDs installed?");
    CHECK_FALSE(view.source().synced());
    install_crds(server);
    view.wait_synced();
    view.wait_for_no_complaint();
}

} // namespace
} // namespace bulkhead::test
