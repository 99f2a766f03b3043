// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "source/netlink/local_pods.h"

using namespace bulkhead;
using namespace bulkhead::netlink;

namespace {

constexpr uint32_t kSlots = 16;

/// A cluster and the names that its pods give to veths on node-a.
struct Names {
    state::Cluster cluster;
    PodNames names{"node-a", {"eni", "vlan"}};

    bool add(const std::string& ns, const std::string& name, const std::string& node = "node-a",
             bool host_network = false) {
        state::Pod pod;
        pod.ns = ns;
        pod.name = name;
        pod.node = node;
        auto common = std::make_shared<state::PodTemplate>();
        common->host_network = host_network;
        pod.common = common;
        cluster.put(pod);
        return names.learn(cluster, cluster.take_changes());
    }

    bool remove(const std::string& ns, const std::string& name) {
        cluster.remove({.kind = "Pod", .ns = ns, .name = name});
        return names.learn(cluster, cluster.take_changes());
    }
};

Veth veth(uint32_t ifindex, const std::string& name, int32_t nsid, uint64_t incarnation = 0) {
    return {ifindex, incarnation == 0 ? ifindex : incarnation, name, nsid, {}};
}

// As `printf blog.web-1 | sha1sum` and its like say.
const std::string kWeb = "enidc0b478b548";       // blog.web-1
const std::string kWebSecond = "enib77689cab29"; // blog.web-1.1
const std::string kApi = "eni6bbbfb3d025";       // payments.api-0

const state::LocalPod& only(const std::map<uint16_t, state::LocalPod>& pods) {
    REQUIRE(pods.size() == 1);
    return pods.begin()->second;
}

} // namespace

TEST_CASE("a veth carries the name of its pod on this node, with either prefix") {
    Names known;
    CHECK(known.add("blog", "web-1"));
    LocalPods pods(kSlots, 0);
    CHECK(only(pods.update({veth(2, kWeb, 0)}, known.names)).pod == "blog/web-1");
    CHECK(only(pods.update({veth(3, "vlan" + kWeb.substr(3), 1)}, known.names)).pod == "blog/web-1");
    CHECK(only(pods.update({veth(4, kApi, 2)}, known.names)).pod.empty());
}

TEST_CASE("pods of other nodes and hostNetwork pods name no veth") {
    Names known;
    CHECK_FALSE(known.add("blog", "web-1", "node-b"));
    CHECK_FALSE(known.add("payments", "api-0", "node-a", true));
    LocalPods pods(kSlots, 0);
    for (const auto& [slot, pod] : pods.update({veth(2, kWeb, 0), veth(3, kApi, 1)}, known.names))
        CHECK(pod.pod.empty());
}

TEST_CASE("a slice names no veth, whatever node it says its pods are on") {
    Names known;
    state::Pod told;
    told.ns = "blog";
    told.name = "web-1";
    told.node = "node-a";
    told.slice = "node-b-1";
    told.common = std::make_shared<const state::PodTemplate>();
    known.cluster.put(
        state::IdentitySlice{.meta = {.name = "node-b-1", .ns = "", .origin = "", .created = {}}, .pods = {told}});
    REQUIRE(known.cluster.pods().contains("blog/web-1"));
    CHECK_FALSE(known.names.learn(known.cluster, known.cluster.take_changes()));
    LocalPods pods(kSlots, 0);
    CHECK(only(pods.update({veth(2, kWeb, 0)}, known.names)).pod.empty());
    CHECK(known.add("blog", "web-1")); // and now a Pod object says so
    CHECK(only(pods.update({veth(2, kWeb, 0)}, known.names)).pod == "blog/web-1");
    CHECK(known.remove("blog", "web-1")); // the slice goes on telling of it
    CHECK(known.cluster.pods().contains("blog/web-1"));
    CHECK(known.names.candidates(kWeb).empty());
}

TEST_CASE("a pod that becomes known later names its held veth, which stays the same pod") {
    Names known;
    LocalPods pods(kSlots, 0);
    const auto held = only(pods.update({veth(2, kWeb, 0)}, known.names));
    CHECK(held.pod.empty());
    known.add("blog", "web-1");
    const auto named = only(pods.update({veth(2, kWeb, 0)}, known.names));
    CHECK(named.pod == "blog/web-1");
    CHECK(named.slot == held.slot);
    CHECK(named.generation == held.generation);
    known.remove("blog", "web-1");
    CHECK(only(pods.update({veth(2, kWeb, 0)}, known.names)).pod.empty());
}

TEST_CASE("interfaces of one netns are one pod, with all its addresses") {
    Names known;
    known.add("blog", "web-1");
    LocalPods pods(kSlots, 0);
    auto first = veth(2, kWeb, 5);
    auto second = veth(3, kWebSecond, 5);
    auto egress = veth(4, "veth0random", 5);
    first.addresses = {Address::parse("10.0.1.5").value()};
    second.addresses = {Address::parse("10.0.2.5").value()};
    const auto pod = only(pods.update({first, second, egress}, known.names));
    CHECK(pod.pod == "blog/web-1");
    CHECK(pod.nsid == 5);
    CHECK(pod.ifindexes == std::vector<uint32_t>{2, 3, 4});
    CHECK(pod.addresses.size() == 2);
}

TEST_CASE("a second interface that comes or goes changes neither slot nor generation") {
    Names known;
    LocalPods pods(kSlots, 0);
    const auto one = only(pods.update({veth(2, kWeb, 5)}, known.names));
    const auto two = only(pods.update({veth(2, kWeb, 5), veth(3, kWebSecond, 5)}, known.names));
    const auto last = only(pods.update({veth(3, kWebSecond, 5)}, known.names));
    CHECK((one.slot == two.slot && two.slot == last.slot));
    CHECK((one.generation == two.generation && two.generation == last.generation));
}

TEST_CASE("whoever follows under the same name, number and netns number gets a new generation") {
    Names known;
    LocalPods pods(kSlots, 0);
    const auto before = only(pods.update({veth(2, kWeb, 5, 100)}, known.names));
    const auto after = only(pods.update({veth(2, kWeb, 5, 101)}, known.names));
    CHECK(after.generation != before.generation);
}

TEST_CASE("a slot is free again once its pod is gone, and none is given twice") {
    Names known;
    LocalPods pods(3, 0); // two pods
    CHECK(pods.update({veth(2, kWeb, 0), veth(3, kApi, 1)}, known.names).size() == 2);
    CHECK(pods.problems().empty());
    const auto full = pods.update({veth(2, kWeb, 0), veth(3, kApi, 1), veth(4, "eniz", 2)}, known.names);
    CHECK(full.size() == 2);
    REQUIRE(pods.problems().size() == 1);
    CHECK(pods.problems()[0].object == "interface eniz");
    CHECK(pods.update({veth(3, kApi, 1), veth(4, "eniz", 2)}, known.names).size() == 2);
    CHECK(pods.problems().empty());
}

TEST_CASE("after a restart a veth keeps slot and generation, and new pods come after all that were") {
    Names known;
    LocalPods pods(kSlots, 0);
    pods.restore(2, {.slot = 7, .generation = 41});
    const auto found = pods.update({veth(1, kApi, 0), veth(2, kWeb, 1)}, known.names);
    REQUIRE(found.contains(7));
    CHECK(found.at(7).generation == 41);
    REQUIRE(found.contains(1));
    CHECK(found.at(1).generation > 41);
}

TEST_CASE("what a restart doesn't find at once is another pod when it comes") {
    Names known;
    LocalPods pods(kSlots, 0);
    pods.restore(2, {.slot = 7, .generation = 41});
    CHECK(pods.update({}, known.names).empty());
    CHECK(only(pods.update({veth(2, kWeb, 1)}, known.names)).generation > 41);
}

TEST_CASE("a second interface tells pod a from pod a.1, and a first one is taken for a.1") {
    Names known;
    known.add("blog", "web-1");
    known.add("blog", "web-1.1");
    LocalPods pods(kSlots, 0);
    const auto found = pods.update({veth(2, kWeb, 5), veth(3, kWebSecond, 5)}, known.names);
    CHECK(only(found).pod == "blog/web-1");
    LocalPods others(kSlots, 0);
    CHECK(only(others.update({veth(3, kWebSecond, 6)}, known.names)).pod == "blog/web-1.1");
}

TEST_CASE("interfaces of one netns that name different pods are held") {
    Names known;
    known.add("blog", "web-1");
    known.add("payments", "api-0");
    LocalPods pods(kSlots, 0);
    CHECK(only(pods.update({veth(2, kWeb, 5), veth(3, kApi, 5)}, known.names)).pod.empty());
}

namespace {

Address at(const char* text) {
    return Address::parse(text).value();
}

/// As `ip addr` would list what the pod's row says: "10.0.0.5 - 10.0.0.7 -".
std::string row4(const state::LocalPod& pod) {
    bh_pod row{};
    pod.places.fill(row);
    std::string text;
    for (const uint32_t raw : row.addr4)
        text += (text.empty() ? "" : " ") +
                (raw == 0 ? "-" : Address::from(bh_addr{.word = {raw, 0, 0, 0}}, BH_IPV4).text());
    return text;
}

Veth with_addresses(std::vector<Address> addresses) {
    auto one = veth(2, kWeb, 0);
    one.addresses = std::move(addresses);
    return one;
}

} // namespace

TEST_CASE("a pod's address keeps its place whatever others come and go") {
    Names known;
    LocalPods pods(kSlots, 0);
    const auto now = [&](std::vector<Address> addresses) {
        return row4(only(pods.update({with_addresses(std::move(addresses))}, known.names)));
    };
    CHECK(now({at("10.0.0.9")}) == "10.0.0.9 - - -");
    CHECK(now({at("10.0.0.5"), at("10.0.0.9")}) == "10.0.0.9 10.0.0.5 - -");
    CHECK(now({at("10.0.0.5"), at("fd00::5")}) == "- 10.0.0.5 - -");
    CHECK(now({at("10.0.0.4"), at("10.0.0.5")}) == "- 10.0.0.5 10.0.0.4 -"); // the freed place comes last
    CHECK(now({at("10.0.0.4"), at("10.0.0.5"), at("10.0.0.6")}) == "- 10.0.0.5 10.0.0.4 10.0.0.6");
    CHECK(now({at("10.0.0.4"), at("10.0.0.5"), at("10.0.0.6"), at("10.0.0.7"), at("10.0.0.8")}) ==
          "10.0.0.7 10.0.0.5 10.0.0.4 10.0.0.6"); // and 10.0.0.8 has none
    CHECK(now({at("10.0.0.5"), at("10.0.0.7")}) == "10.0.0.7 10.0.0.5 - -");
    CHECK(now({at("10.0.0.5"), at("10.0.0.6"), at("10.0.0.7")}) == "10.0.0.7 10.0.0.5 - 10.0.0.6"); // back home
}

TEST_CASE("when a pod got its addresses is known of those that got them before our eyes, and stays so") {
    Names known;
    known.add("blog", "web-1");
    known.add("payments", "api-0");
    const auto web = with_addresses({at("10.0.1.1")});
    LocalPods pods(kSlots, 0);
    CHECK_FALSE(only(pods.update({web}, known.names)).addressed);
    CHECK_FALSE(only(pods.update({veth(2, kWeb, 0)}, known.names)).addressed);
    CHECK_FALSE(only(pods.update({web}, known.names)).addressed);

    LocalPods fresh(kSlots, 0);
    fresh.update({}, known.names);
    CHECK_FALSE(only(fresh.update({veth(2, kWeb, 0)}, known.names)).addressed);
    const auto before = state::Cluster::machine_time();
    const auto when = only(fresh.update({web}, known.names)).addressed;
    REQUIRE(when);
    CHECK(*when >= before);
    fresh.update({veth(2, kWeb, 0)}, known.names);
    CHECK(only(fresh.update({web}, known.names)).addressed == when);
}

TEST_CASE("a restored pod's addresses are where its row has them") {
    Names known;
    LocalPods pods(kSlots, 0);
    RestoredSlot restored{.slot = 7, .generation = 41};
    bh_pod row{};
    row.addr4[2] = at("10.0.0.9").raw4();
    row.addr4[0] = at("10.0.0.8").raw4();
    row.addr6[1] = at("fd00::9").raw();
    restored.places.restore(row);
    pods.restore(2, restored);
    const auto found = pods.update({with_addresses({at("10.0.0.5"), at("10.0.0.9"), at("fd00::9")})}, known.names);
    CHECK(row4(only(found)) == "- 10.0.0.5 10.0.0.9 -");
    bh_pod now{};
    only(found).places.fill(now);
    CHECK(Address::from(now.addr6[1], BH_IPV6) == at("fd00::9"));
}
