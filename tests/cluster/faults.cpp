// SPDX-License-Identifier: Apache-2.0
#include "faults.h"

#include <atomic>
#include <fstream>

namespace bulkhead::test {

namespace {

constexpr uint16_t kPort = 5432;
constexpr int kNamespaces = 60; // whose list is long enough to break off in

std::string many_namespaces() {
    std::string all;
    for (int i = 0; i < kNamespaces; ++i)
        all += "apiVersion: v1\nkind: Namespace\nmetadata: {name: other-" + std::to_string(i) +
               ", annotations: {note: " + std::string(1500, 'x') + "}}\n---\n";
    return all;
}

} // namespace

FaultyCluster::FaultyCluster()
    : node_(cluster_.net().node(kNodeA)), proxy_(proxy_before(cluster_.server(), cluster_.host())),
      client_((put(namespace_text("shop") + "---\n" + protected_namespace_text("bank") + "---\n" + many_namespaces()),
               cluster_.run(kNodeA, "bank/teller", 20))),
      stranger_(cluster_.run(kNodeA, "shop/web", 21)), ledger_(cluster_.run(kNodeA, "bank/ledger", 22)),
      echo_(require(EchoServer::start(ledger_.netns, {kPort}))) {
    write_proxied_kubeconfig(file("admin.yaml"), server(), host());
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
