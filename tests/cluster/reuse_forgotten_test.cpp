// SPDX-License-Identifier: Apache-2.0
//
// A node's watch breaks in the midst of an address' move from a pod to another tenant's, and what it missed is
// forgotten by the server (410 Gone), so that it has to list anew.
#include <atomic>
#include <thread>

#include "metrics_support.h"
#include "proxied.h"
#include "reuse_scene.h"

namespace bulkhead::test {
namespace {

const Json kDate = "2026-11-27T12:00:00Z"; // of all of them
const Json kNext{{"turn", 1}};

/// An address that goes from one tenant's pod on node-a to the other's.
struct Move {
    const char* what;
    std::string number;
    bool is_friend;   // the heir, to the Protected pod that judges
    bool heard;       // of the heir, before the watch breaks
    bool first_stays; // told of until the list anew is over: its end comes late
    bool is_local;    // the heir runs on the node that can't hear

    Pair addresses() const { return {"10.0.9." + number, "fd00:10:0:9::" + number}; }
    std::string first() const { return (is_friend ? "shop/first-" : "bank/first-") + number; }
    std::string heir() const { return (is_friend ? "bank/heir-" : "shop/heir-") + number; }
    std::string first_slice() const { return kNodeA + "-first-" + number; }
    std::string heir_slice() const { return kNodeA + "-heir-" + number; }
};

/// Asks again and again, in both families, and each time it has to be so.
class Asking {
public:
    Asking(const Place& from, const Place& to, bool expected)
        : driver_([this, &from, &to, expected] {
              while (!stop_) {
                  for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
                      const auto limit = after(expected ? 2s : 50ms);
                      wrong_ += answers_udp(from.netns, {to.address(family), kPort}, limit) == expected ? 0 : 1;
                      ++asked_;
                  }
                  std::this_thread::sleep_for(10ms);
              }
          }) {}
    ~Asking() { end(); }

    void end() {
        stop_ = true;
        if (driver_.joinable()) driver_.join();
    }
    size_t asked() const { return asked_; }
    size_t wrong() const { return wrong_; }

private:
    std::atomic<bool> stop_{false};
    std::atomic<size_t> asked_{0};
    std::atomic<size_t> wrong_{0};
    std::thread driver_;
};

/// node-b's agent, which hears of everything by a proxy; node-a has none: its slices come when we say so.
struct Forgetful {
    Village village{};
    const TwoNodes& cluster = village.cluster;
    Place node = cluster.net().node(kNodeB);
    FaultyProxy proxy = proxy_before(cluster.server(), cluster.host());
    AgentProcess agent;

    Forgetful() : agent(start()) {}

    AgentProcess start() const {
        const auto kubeconfig = cluster.net().directory() / "proxied.yaml";
        write_proxied_kubeconfig(kubeconfig, cluster.server(), cluster.host());
        return AgentProcess::start(cluster.net(), node, {.kubeconfig = kubeconfig, .metrics_address = kMetricsAddress});
    }
    double source(const std::string& what) const { return sum_of(node, "bulkhead_source_" + what); }

    void make_deaf() {
        proxy.make(Trouble::kRefuse);
        proxy.reset_all();
        REQUIRE(wait_until([&] { return source("age_seconds") > 0; }, after(30s), 20ms));
    }
    /// What was said meanwhile no watch tells any more.
    void hear_anew() {
        const auto lists = source("lists_total");
        auto& server = village.cluster.server();
        require(server.compact_etcd());
        server.kill();
        start_again(server);
        proxy.end_trouble();
        REQUIRE(wait_until([&] { return source("lists_total") > lists; }, after(60s), 20ms));
        REQUIRE(wait_until([&] { return source("age_seconds") == 0; }, after(60s), 20ms));
    }
    Place wire(const Move& move) const {
        const auto [ip4, ip6] = move.addresses();
        return cluster.net().wire_as(move.is_local ? kNodeB : kNodeA, move.heir(), ip4, ip6);
    }
    void tell_first(const Move& move) const {
        put_slice(cluster, move.first_slice(), move.first(), move.addresses(), kDate);
    }
    void tell_heir(const Move& move) const {
        if (!move.is_local) put_slice(cluster, move.heir_slice(), move.heir(), move.addresses(), kDate, kNext);
    }
    void wait_until_named(const Move& move, const std::string& pod) const {
        test::wait_until_named(agent, pod, move.addresses().ip4);
    }
    void wait_until_guarded(const Move& move) const {
        CHECK(wait_until([&] { return agent.endpoint(move.heir()).value("state", "") == "guarded"; }, after(20s)));
    }
};

std::vector<Move> all_moves() {
    std::vector<Move> moves;
    int number = 40;
    for (const bool is_friend : {false, true})
        for (const auto& [what, heard, first_stays, is_local] :
             {std::tuple{"the former pod's end is missed", true, false, false},
              {"both are missed", false, false, false},
              {"the heir's begin is missed, and the former pod's end is late", false, true, false},
              {"nothing is missed, and the former pod's end is late", true, true, false},
              {"netlink shows the heir, and the former pod's end is late", false, true, true}})
            moves.push_back({what, std::to_string(number++), is_friend, heard, first_stays, is_local});
    return moves;
}

TEST_CASE("a watch that breaks in the midst of an address' move and is forgotten by the server leaves the former pod's "
          "identity to nobody, once the node knows of the heir, and takes nothing from that one") {
    Forgetful scene;
    const auto& judge = scene.village.safe_b;
    const auto moves = all_moves();
    std::map<std::string, Place> heirs;                     // by number
    std::map<std::string, std::unique_ptr<Asking>> askings; // likewise
    const auto check_from_now_on = [&](const Move& move) {
        INFO(move.what << ", the heir a " << (move.is_friend ? "friend" : "stranger"));
        check_now(heirs.at(move.number), judge, move.is_friend);
        askings[move.number] = std::make_unique<Asking>(heirs.at(move.number), judge, move.is_friend);
    };

    for (const auto& move : moves) {
        scene.tell_first(move);
        if (move.is_local) scene.cluster.put(bound_pod_text(kNodeB, move.heir()));
    }
    for (const auto& move : moves) {
        scene.wait_until_named(move, move.first());
        if (move.is_local) continue;
        heirs.emplace(move.number, scene.wire(move));
        check_now(heirs.at(move.number), judge, !move.is_friend); // nobody has said otherwise yet
        if (!move.heard) continue;
        scene.tell_heir(move);
        scene.wait_until_named(move, move.heir());
        check_from_now_on(move);
    }

    scene.make_deaf();
    for (const auto& move : moves) {
        if (!move.heard) scene.tell_heir(move);
        if (!move.first_stays) remove_slice(scene.cluster, move.first_slice());
        if (!move.is_local) continue;
        heirs.emplace(move.number, scene.wire(move));
        scene.wait_until_guarded(move);
        check_from_now_on(move); // it waits for no news
    }
    scene.hear_anew();

    for (const auto& move : moves) {
        scene.wait_until_named(move, move.heir());
        if (!move.heard && !move.is_local) check_from_now_on(move);
    }
    for (const auto& move : moves) {
        if (move.first_stays) remove_slice(scene.cluster, move.first_slice());
        wait_until_gone(scene.agent, move.first());
    }
    for (const auto& move : moves) {
        INFO(move.what << ", the heir a " << (move.is_friend ? "friend" : "stranger"));
        check_now(heirs.at(move.number), judge, move.is_friend);
        CHECK(is_named(scene.agent, move.heir(), move.addresses().ip4));
        auto& asking = *askings.at(move.number);
        asking.end();
        CHECK(asking.asked() > 10);
        CHECK(asking.wrong() == 0);
    }
    CHECK(scene.agent.problems().empty());
}

} // namespace
} // namespace bulkhead::test
