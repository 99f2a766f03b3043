// SPDX-License-Identifier: Apache-2.0
//
// The API server that other tests stand on is a real one and does what they rely on.
#include "cluster_fixture.h"
#include "support/objects.h"
#include "support/sockets.h"

namespace bulkhead::test {
namespace {

std::string config_map(const std::string& value) {
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: colours, namespace: default}\ndata: {wall: " + value +
           "}\n";
}

std::string revision_of_colours(const ApiServer& server) {
    return object(server, {"configmap", "colours"}).at("metadata").at("resourceVersion");
}

/// What a watch from a revision on says within a second, line by line.
std::vector<Json> watched(const ApiServer& server, const std::string& revision) {
    const std::string path =
        "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1&resourceVersion=" + revision;
    std::istringstream lines(kubectl(server, {"get", "--raw", path}));
    std::vector<Json> events;
    for (std::string line; std::getline(lines, line);)
        events.push_back(Json::parse(line));
    return events;
}

TEST_CASE("kubectl applies namespaces and objects to the API server and reads them back") {
    const ApiServer server = started();
    put(server, "apiVersion: v1\nkind: Namespace\n"
                "metadata: {name: shop, labels: {bulkhead.dev/tenant: payments, bulkhead.dev/level: protected}}\n");
    put(server, config_map("blue"));
    const Json labels = object(server, {"namespace", "shop"}).at("metadata").at("labels");
    CHECK(labels.at("bulkhead.dev/tenant") == "payments");
    CHECK(labels.at("bulkhead.dev/level") == "protected");
    CHECK(object(server, {"configmap", "colours"}).at("data").at("wall") == "blue");
    CHECK(server.kubectl({"get", "namespace", "shopping"}).status != 0);
    CHECK(require(server.version()) >= ApiServer::Version{1, 20});
}

/// kubectl's answer to a list as it was at a revision: from etcd, not from the API server's memory.
ApiServer::Answer listed_at(const ApiServer& server, const std::string& revision) {
    const std::string path =
        "/api/v1/namespaces/default/configmaps?resourceVersionMatch=Exact&resourceVersion=" + revision;
    return server.kubectl({"get", "--raw", path});
}

TEST_CASE("a watch from before etcd's compaction is answered by an error event 410") {
    ApiServer server = started();
    put(server, config_map("blue"));
    const std::string old = revision_of_colours(server);
    put(server, config_map("green"));
    put(server, config_map("red"));
    const auto changes = watched(server, old);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].at("type") == "MODIFIED");
    CHECK(changes[1].at("object").at("data").at("wall") == "red");

    CHECK(listed_at(server, old).output.find("blue") != std::string::npos);

    require(server.compact_etcd());
    CHECK(listed_at(server, old).output.find("too old") != std::string::npos);
    CHECK(listed_at(server, revision_of_colours(server)).output.find("red") != std::string::npos);
    server.stop();
    start_again(server);
    const auto refused = watched(server, old);
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].at("type") == "ERROR");
    CHECK(refused[0].at("object").at("code") == 410);
    CHECK(watched(server, revision_of_colours(server)).empty());
}

TEST_CASE("the API server comes back on its port with what it knew, after SIGTERM and SIGKILL") {
    ApiServer server = started();
    put(server, config_map("blue"));
    const std::string url = server.url();
    const std::string revision = revision_of_colours(server);
    for (const auto end : {&ApiServer::stop, &ApiServer::kill}) {
        (server.*end)();
        CHECK(server.kubectl({"get", "--raw", "/readyz"}).status != 0);
        start_again(server);
        CHECK(server.url() == url);
        CHECK(revision_of_colours(server) == revision);
    }
}

TEST_CASE("in a network namespace the API server is reached at its address there, and not from elsewhere") {
    if (geteuid() != 0) SKIP("needs root");
    const ScopedNetns place = require(ScopedNetns::create("api"));
    require(run_command({"ip", "-n", place->name(), "address", "add", "192.0.2.1/32", "dev", "lo"}));
    const ApiServer server = started({.netns = place->name(), .address = "192.0.2.1"});
    CHECK(server.url().starts_with("https://192.0.2.1:"));
    put(server, config_map("blue"));
    const auto port = static_cast<uint16_t>(std::stoi(server.url().substr(server.url().rfind(':') + 1)));
    CHECK(tcp_connect(*place, {address("192.0.2.1"), port}, after(5s)));
    const ScopedNetns elsewhere = require(ScopedNetns::create("else"));
    CHECK_FALSE(tcp_connect(*elsewhere, {address("192.0.2.1"), port}, after(1s)));
    CHECK(object(server, {"endpoints", "kubernetes"}).at("subsets").at(0).at("addresses").at(0).at("ip") ==
          "192.0.2.1");
}

TEST_CASE("who has no right is told so by the API server, and who has one gets what it is for") {
    const ApiServer server = started({.users = {{"reader", "reads"}, {"nobody", "knocks"}}});
    kubectl(server, {"create", "clusterrole", "reader", "--verb=get,list", "--resource=namespaces"});
    kubectl(server, {"create", "clusterrolebinding", "reader", "--clusterrole=reader", "--user=reader"});
    const auto reader = require(server.kubeconfig_for("reads"));
    const auto nobody = require(server.kubeconfig_for("knocks"));
    const auto stranger = require(server.kubeconfig_for("breaks in"));
    const std::vector<std::string> question{"get", "namespaces"};
    const auto allowed = [&] { return server.kubectl_as(reader, question).status == 0; };
    CHECK(wait_until(allowed, after(20s), 50ms)); // the server hears of roles by a watch of its own
    CHECK(server.kubectl_as(reader, {"get", "pods"}).output.find("(Forbidden)") != std::string::npos);
    const auto refused = server.kubectl_as(nobody, question);
    CHECK(refused.status != 0);
    CHECK(refused.output.find("(Forbidden)") != std::string::npos);
    CHECK(refused.output.find("\"nobody\" cannot list resource \"namespaces\"") != std::string::npos);
    CHECK(server.kubectl_as(stranger, question).output.find("(Unauthorized)") != std::string::npos);
}

TEST_CASE("an API server that cannot start says why") {
    require_assets();
    const auto server = ApiServer::create({.more = {"--no-such-flag"}});
    REQUIRE_FALSE(server);
    CHECK(server.error().text.find("kube-apiserver ended") != std::string::npos);
    CHECK(server.error().text.find("unknown flag: --no-such-flag") != std::string::npos);
}

TEST_CASE("with a controller manager, service accounts have tokens and deleted namespaces go") {
    if (const auto found = cluster_asset("kube-controller-manager"); !found) SKIP(found.error().text);
    const ApiServer server = started({.controller_manager = true});
    put(server, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    kubectl(server, {"create", "serviceaccount", "till", "--namespace", "shop"});
    const auto till = require(server.kubeconfig_for(require(server.service_account_token("shop", "till"))));
    const auto refused = server.kubectl_as(till, {"get", "pods", "--namespace", "shop"});
    CHECK(refused.output.find("\"system:serviceaccount:shop:till\" cannot list") != std::string::npos);
    kubectl(server, {"delete", "namespace", "shop", "--wait=false"});
    const auto gone = [&] {
        return server.kubectl({"get", "namespace", "shop"}).output.find("NotFound") != std::string::npos;
    };
    CHECK(wait_until(gone, after(60s), 100ms));
}

} // namespace
} // namespace bulkhead::test
