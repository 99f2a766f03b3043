// SPDX-License-Identifier: Apache-2.0
//
// When the server is well but doesn't know us any more, or we don't know it: tokens, rights, certificates, clocks.
#include <fstream>

#include "faults.h"
#include "manifests.h"

namespace bulkhead::test {
namespace {

constexpr auto kStays = "what was said last stays in force";
constexpr auto kUnknown = "the API server doesn't accept our credentials (401)";
constexpr uint16_t kOtherPort = 18443;

/// The agent as its ServiceAccount, with the token in a file as kubelets write it.
class AsServiceAccount {
public:
    AsServiceAccount() {
        cluster_.put(contents("base/namespace.yaml") + "---\n" + contents("base/rbac.yaml"));
        write_token();
        auto options = cluster_.options();
        options.kubeconfig = cluster_.kubeconfig("tokenFile: " + token_file().string());
        REQUIRE(wait_until_may(cluster_.server(), require(cluster_.server().kubeconfig_for(token())),
                               {"list", "pods", "-A"}, true));
        cluster_.replace_agent(options);
        cluster_.check_follows();
    }

    FaultyCluster& cluster() { return cluster_; }
    std::filesystem::path token_file() const { return cluster_.file("token"); }
    /// In one piece, as kubelets do.
    void write_token() const {
        const auto draft = cluster_.file("token.new");
        std::ofstream(draft) << token();
        std::filesystem::rename(draft, token_file());
    }

private:
    static std::string contents(const std::string& file) {
        std::ifstream in(folder(file));
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::string token() const { return require(cluster_.server().service_account_token(kAgentNamespace, kAgentName)); }

    FaultyCluster cluster_;
};

TEST_CASE("a token that the server no longer takes is named, and the next one in the file is enough") {
    AsServiceAccount scene;
    auto& cluster = scene.cluster();
    const auto& server = cluster.server();
    // Another ServiceAccount of the same name: as with an expired one, the server refuses the old one's token.
    kubectl(server, {"-n", kAgentNamespace, "delete", "serviceaccount", kAgentName});
    kubectl(server, {"-n", kAgentNamespace, "create", "serviceaccount", kAgentName});
    const auto refused = [&] {
        cluster.proxy().reset_all(); // what runs is not asked who it is
        // Not what the agent says of its slices alone: those have requests of their own.
        return Json(cluster.agent().problems()).dump().find(kUnknown) != std::string::npos;
    };
    REQUIRE(wait_until(refused, after(60s), 1s)); // the server remembers for ten seconds whom it knew
    cluster.check_says(kUnknown);
    cluster.check_says(kStays);
    cluster.check_enforced();
    scene.write_token();
    cluster.check_follows();
}

TEST_CASE("rights that are taken away are named when watches are asked for again, and suffice when they are back") {
    AsServiceAccount scene;
    auto& cluster = scene.cluster();
    const auto& server = cluster.server();
    const auto binding = kubectl(server, {"get", "clusterrolebinding", kAgentName, "-o", "yaml"});
    kubectl(server, {"delete", "clusterrolebinding", kAgentName});
    REQUIRE(wait_until_may(
        server, require(server.kubeconfig_for(require(server.service_account_token(kAgentNamespace, kAgentName)))),
        {"watch", "namespaces"}, false));
    cluster.check_enforced();
    cluster.proxy().reset_all();
    cluster.check_says("needs the permission to watch namespaces (403)");
    cluster.check_says("needs the permission to watch tenants.bulkhead.dev (403)");
    cluster.check_enforced();
    kubectl(server, {"create", "clusterrolebinding", kAgentName, std::string("--clusterrole=") + kAgentName,
                     std::string("--serviceaccount=") + kAgentNamespace + ":" + kAgentName});
    cluster.check_follows();
}

/// Listens where the server's address is, with a certificate of another CA.
Process impostor(const FaultyCluster& cluster) {
    const auto key = cluster.file("impostor.key").string();
    const auto certificate = cluster.file("impostor.crt").string();
    require(run_command({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                         "-days", "7", "-subj", "/CN=impostor", "-addext",
                         "subjectAltName=IP:" + cluster.host().ip4.text(), "-keyout", key, "-out", certificate}));
    auto process = require(Process::start(
        {"openssl", "s_server", "-accept", std::to_string(kOtherPort), "-cert", certificate, "-key", key, "-www"},
        {.netns = &cluster.host().netns, .ends_with_thread = true}));
    REQUIRE(process.wait_for_output("ACCEPT", after(20s)));
    return process;
}

TEST_CASE("a server with somebody else's certificate is not believed, and the right one is again") {
    FaultyCluster cluster;
    const auto other = impostor(cluster);
    const auto url = cluster.server().url();
    cluster.proxy().lead_to({cluster.host().ip4, kOtherPort});
    cluster.proxy().reset_all();
    cluster.check_says("certificate");
    cluster.check_says(kStays);
    cluster.check_enforced();
    cluster.proxy().lead_to({cluster.host().ip4, static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)))});
    cluster.check_follows();
}

/// The wall clock only: what shifts it stands before the C library (shifted_clock.c).
AgentProcess::Options with_clock(const FaultyCluster& cluster, std::chrono::seconds shift) {
    auto options = cluster.options();
    options.before = {"env", "LD_PRELOAD=" BULKHEAD_SHIFTED_CLOCK,
                      "BULKHEAD_CLOCK_SHIFT=" + std::to_string(shift.count())};
    return options;
}

/// Not behind: the server's certificate is younger than that.
TEST_CASE("an agent whose clock is minutes ahead hears and enforces like any other") {
    FaultyCluster cluster;
    cluster.replace_agent(with_clock(cluster, 5min));
    cluster.check_follows();
}

TEST_CASE("an agent whose clock is so far off that no certificate is valid says so, and what was said before holds") {
    FaultyCluster cluster;
    for (const auto shift : {-24h * 30, 24h * 30}) {
        CAPTURE(shift.count());
        cluster.replace_agent(with_clock(cluster, shift));
        cluster.check_says("certificate");
        CHECK_FALSE(cluster.agent().ask({"status"}).at("source").at("synced").get<bool>());
        cluster.check_enforced();
        cluster.replace_agent();
        cluster.check_follows();
    }
}

TEST_CASE("whose clock is ahead lets a grant end early, never late") {
    FaultyCluster cluster;
    const auto in_an_hour = std::chrono::system_clock::now() + 1h;
    const auto time = std::chrono::system_clock::to_time_t(in_an_hour);
    char until[32];
    std::strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&time));
    cluster.put("apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: bank}\nspec: {namespaces: [bank], "
                "level: protected, allowFrom: [{from: [{namespace: shop}], until: \"" +
                std::string(until) + "\"}]}\n");
    cluster.agent().wait_for_verdict("shop/web", "bank/ledger:5432/TCP", "allow");
    cluster.replace_agent(with_clock(cluster, 2h));
    cluster.agent().wait_until_ready();
    cluster.agent().wait_for_verdict("shop/web", "bank/ledger:5432/TCP", "deny");
    cluster.replace_agent();
    cluster.agent().wait_until_ready();
    cluster.agent().wait_for_verdict("shop/web", "bank/ledger:5432/TCP", "allow");
}

} // namespace
} // namespace bulkhead::test
