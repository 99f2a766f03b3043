// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <atomic>
#include <fstream>

namespace bulkhead::test {

namespace {

constexpr uint16_t kPort = 5432;
constexpr uint16_t kProxyPort = 16443;
constexpr int kNamespaces = 60; // whose list is long enough to break off in

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
    return text;
}

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string many_namespaces() {
    std::string all;
    for (int i = 0; i < kNamespaces; ++i)
        all += "apiVersion: v1\nkind: Namespace\nmetadata: {name: other-" + std::to_string(i) +
               ", annotations: {note: " + std::string(1500, 'x') + "}}\n---\n";
    return all;
}

Endpoint address_of(const ApiServer& server, const Place& host) {
    const auto url = server.url();
    return {host.ip4, static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)))};
}

} // namespace

FaultyCluster::FaultyCluster()
    : node_(cluster_.net().node(kNodeA)),
      proxy_(require(FaultyProxy::start(cluster_.host().netns, {cluster_.host().ip4, kProxyPort},
                                        address_of(cluster_.server(), cluster_.host())))),
      client_((put(namespace_text("shop") + "---\n" + protected_namespace_text("bank") + "---\n" + many_namespaces()),
               cluster_.run(kNodeA, "bank/teller", 20))),
      stranger_(cluster_.run(kNodeA, "shop/web", 21)), ledger_(cluster_.run(kNodeA, "bank/ledger", 22)),
      echo_(require(EchoServer::start(ledger_.netns, {kPort}))) {
    const auto url = "https://" + host().ip4.text() + ":" + std::to_string(kProxyPort);
    const auto as_admin = replaced(contents(server().kubeconfig()), server().url(), url);
    std::ofstream(file("admin.yaml")) << replaced(as_admin, "cluster: {server",
                                                  "cluster: {disable-compression: true, server");
    options_ = {.kubeconfig = file("admin.yaml"), .metrics_address = kMetricsAddress};
    replace_agent();
    agent().wait_until_ready();
    check_enforced();
}

std::filesystem::path FaultyCluster::kubeconfig(const std::string& user, const std::string& scheme) const {
    static std::atomic<int> written{0};
    const auto path = file("kubeconfig-" + std::to_string(++written));
    const auto url = scheme + "://" + host().ip4.text() + ":" + std::to_string(kProxyPort);
    const auto ca = "certificate-authority: " + server().ca_file().string();
    std::ofstream(path) << "apiVersion: v1\nkind: Config\nclusters: [{name: test, cluster: {server: \"" << url << "\", "
                        << (scheme == "https" ? ca + ", " : "")
                        << "disable-compression: true}}]\nusers: [{name: test, user: {" << user
                        << "}}]\ncontexts: [{name: test, context: {cluster: test, user: test}}]\n"
                           "current-context: test\n";
    return path;
}

void FaultyCluster::replace_agent(const AgentProcess::Options& options) {
    agent_.reset();
    agent_.emplace(AgentProcess::launch(cluster_.net(), node_, options));
}

bool FaultyCluster::reaches(const Place& from) const {
    return answers_tcp(from.netns, {ledger_.ip4, kPort}, after(400ms));
}

void FaultyCluster::check_enforced() const {
    CHECK(reaches(client_));
    CHECK_FALSE(reaches(stranger_));
}

void FaultyCluster::check_says(const std::string& words) const {
    INFO("expected: " << words);
    std::string said;
    CHECK(wait_until(
        [&] {
            said = Json(agent_->problems()).dump(1);
            return said.find(words) != std::string::npos;
        },
        after(60s), 50ms));
    INFO("said: " << said);
    CHECK(said.find(words) != std::string::npos);
    CHECK(wait_until([&] { return metric(node_, "bulkhead_source_age_seconds").value_or(0) > 0; }, after(20s), 50ms));
    CHECK(sum_of(node_, "bulkhead_source_errors_total") > 0);
}

void FaultyCluster::check_follows() {
    agent_->wait_until_ready();
    CHECK(wait_until([&] { return agent_->problems().empty(); }, after(60s), 50ms));
    CHECK(wait_until([&] { return metric(node_, "bulkhead_source_age_seconds") == 0; }, after(20s), 50ms));
    put(namespace_text("bank"));
    CHECK(wait_until([&] { return reaches(stranger_); }, after(30s), 20ms));
    put(protected_namespace_text("bank"));
    CHECK(wait_until([&] { return !reaches(stranger_); }, after(30s), 20ms));
    CHECK(reaches(client_));
}

} // namespace bulkhead::test
