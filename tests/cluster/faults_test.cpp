// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong between an agent and its API server: meanwhile everything stays in force, status and metrics say what
// is wrong, and afterwards it goes on by itself.
#include "faults.h"

namespace bulkhead::test {
namespace {

constexpr auto kStays = "what was said last stays in force";
constexpr size_t kInTheList = 20'000; // bytes of the server's: behind the handshake, before the end of the first lists

/// For two minutes if $BULKHEAD_LONG is set.
std::chrono::seconds away() {
    return std::getenv("BULKHEAD_LONG") != nullptr ? 120s : 10s;
}

TEST_CASE("an API server that is away for long changes nothing, and is heard again when it is back") {
    FaultyCluster cluster;
    for (const auto end : {&ApiServer::stop, &ApiServer::kill}) {
        (cluster.server().*end)();
        const auto back = after(away());
        while (std::chrono::steady_clock::now() < back)
            cluster.check_enforced();
        cluster.check_says(kStays);
        const auto age = metric(cluster.node(), "bulkhead_source_age_seconds").value_or(0);
        CHECK(age + 3 >= static_cast<double>(away().count()));
        start_again(cluster.server());
        cluster.check_follows();
    }
}

TEST_CASE("a server that is killed in the midst of a list leaves the former agent's word in force") {
    FaultyCluster cluster;
    cluster.proxy().make(Trouble::kStall, kInTheList);
    cluster.replace_agent();
    REQUIRE(wait_until([&] { return cluster.proxy().troubled() > 0; }, after(30s)));
    cluster.server().kill();
    cluster.check_enforced();
    cluster.proxy().end_trouble();
    cluster.check_says("https://");
    cluster.check_enforced();
    start_again(cluster.server());
    cluster.check_follows();
}

struct Row {
    const char* name;
    Trouble trouble;
    size_t after_bytes;
};

const std::vector<Row> kTroubles{
    {"nobody there", Trouble::kRefuse, 0},
    {"reset in the midst of an object", Trouble::kReset, 100},
    {"an answer that ends too early", Trouble::kEnd, 100},
    {"other bytes, which TLS refuses", Trouble::kGarbage, 100},
};

TEST_CASE("connections that break in the midst of watches change nothing, and are made again") {
    FaultyCluster cluster;
    for (const auto& row : kTroubles) {
        INFO(row.name);
        cluster.proxy().make(row.trouble, row.after_bytes);
        cluster.put(namespace_text("shop", {{"bench/turn", std::to_string(static_cast<int>(row.trouble))}}));
        REQUIRE(wait_until([&] { return cluster.proxy().troubled() > 0; }, after(30s)));
        cluster.check_says(kStays);
        cluster.check_enforced();
        cluster.proxy().end_trouble();
        cluster.check_follows();
    }
}

TEST_CASE("lists that break keep a new agent from saying anything, and what the former one said holds") {
    FaultyCluster cluster;
    for (const auto& row : kTroubles) {
        INFO(row.name);
        cluster.proxy().make(row.trouble, row.trouble == Trouble::kRefuse ? 0 : kInTheList);
        cluster.replace_agent();
        REQUIRE(wait_until([&] { return cluster.proxy().troubled() > 1; }, after(60s)));
        cluster.check_says("https://");
        const auto status = cluster.agent().ask({"status"});
        CHECK_FALSE(status.at("source").at("synced").get<bool>());
        cluster.check_enforced();
        cluster.proxy().end_trouble();
        cluster.check_follows();
    }
}

TEST_CASE("a server that says nothing for ten seconds is waited for, in the midst of a watch and of a list") {
    FaultyCluster cluster;
    cluster.proxy().make(Trouble::kStall, 100);
    const auto end = after(10s);
    cluster.put(namespace_text("bank")); // which can't be heard yet
    REQUIRE(wait_until([&] { return cluster.proxy().troubled() > 0; }, after(30s)));
    while (std::chrono::steady_clock::now() < end)
        cluster.check_enforced();
    cluster.put(protected_namespace_text("bank"));
    cluster.proxy().end_trouble();
    cluster.check_follows();

    cluster.proxy().make(Trouble::kStall, kInTheList);
    cluster.replace_agent();
    REQUIRE(wait_until([&] { return cluster.proxy().troubled() > 0; }, after(30s)));
    const auto later = after(10s);
    while (std::chrono::steady_clock::now() < later)
        cluster.check_enforced();
    cluster.proxy().end_trouble();
    cluster.check_follows();
    CHECK(sum_of(cluster.node(), "bulkhead_source_errors_total") == 0); // that list went on, no other was asked for
}

/// `kubectl proxy` is an API server without TLS: so what breaks is what HTTP carries.
Process plain_server(const FaultyCluster& cluster, const std::filesystem::path& kubeconfig, uint16_t port) {
    const auto kubectl = require(cluster_asset("kubectl"));
    auto process =
        require(Process::start({kubectl, "--kubeconfig", kubeconfig, "proxy", "--address", cluster.host().ip4.text(),
                                "--port", std::to_string(port), "--accept-hosts", ".*"},
                               {.netns = &cluster.host().netns, .input = "", .ends_with_thread = true}));
    REQUIRE(process.wait_for_output("Starting to serve", after(30s)));
    return process;
}

TEST_CASE("garbage and truncated chunks in what HTTP carries are no news, in watches and in lists") {
    FaultyCluster cluster;
    constexpr uint16_t kPlainPort = 18001;
    const auto plain = plain_server(cluster, cluster.server().kubeconfig(), kPlainPort);
    cluster.proxy().lead_to({cluster.host().ip4, kPlainPort});
    auto options = cluster.options();
    options.kubeconfig = cluster.kubeconfig("", "http");
    cluster.replace_agent(options);
    cluster.check_follows();
    for (const auto trouble : {Trouble::kGarbage, Trouble::kEnd, Trouble::kReset}) {
        CAPTURE(static_cast<int>(trouble));
        cluster.proxy().make(trouble, 200);
        cluster.put(namespace_text("shop", {{"bench/turn", std::to_string(static_cast<int>(trouble))}}));
        REQUIRE(wait_until([&] { return cluster.proxy().troubled() > 0; }, after(30s)));
        cluster.check_says(kStays);
        cluster.check_enforced();
        cluster.proxy().make(trouble, kInTheList);
        cluster.replace_agent(options);
        REQUIRE(wait_until([&] { return cluster.proxy().troubled() > 0; }, after(60s)));
        cluster.check_says("http://");
        cluster.check_enforced();
        cluster.proxy().end_trouble();
        cluster.check_follows();
    }
}

TEST_CASE("a list anew because the server forgot where we were writes nothing to the kernel if nothing changed") {
    FaultyCluster cluster;
    const auto writes = [&] { return metric(cluster.node(), "bulkhead_writes_total").value_or(-1); };
    const auto lists = [&] { return sum_of(cluster.node(), "bulkhead_source_lists_total"); };
    const auto before = writes();
    const auto lists_before = lists();
    REQUIRE(before > 0);
    cluster.proxy().make(Trouble::kRefuse);
    cluster.check_says(kStays);
    cluster.put("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\n"); // another revision
    require(cluster.server().compact_etcd());
    cluster.server().kill();
    start_again(cluster.server());
    cluster.proxy().end_trouble();
    CHECK(wait_until([&] { return lists() > lists_before; }, after(60s), 50ms));
    CHECK(wait_until([&] { return metric(cluster.node(), "bulkhead_source_age_seconds") == 0; }, after(60s), 50ms));
    CHECK(writes() == before);
    cluster.check_follows();
}

} // namespace
} // namespace bulkhead::test
