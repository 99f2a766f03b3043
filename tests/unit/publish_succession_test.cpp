// SPDX-License-Identifier: Apache-2.0
//
// Who comes after whom at an address, by what a node sees and had been told when it saw it.
#include <nlohmann/json.hpp>

#include "base/rfc3339.h"
#include "compile_world.h"
#include "publish/slices.h"

using namespace bulkhead;
using namespace bulkhead::test;
using Json = nlohmann::json;

namespace {

constexpr auto kAddress = "10.0.1.1";
constexpr auto kAddress6 = "fd00::1";

state::Time at(int64_t seconds) {
    return state::Time(std::chrono::seconds(seconds));
}

/// "since" and "turn" of a pod, if they are told.
using Told = std::pair<std::string, uint32_t>;

std::string since(int64_t seconds) {
    return rfc3339(at(seconds));
}

/// node-a, and what it tells.
struct Node {
    World world{settings_of("node-a")};
    publish::Succession succession{};

    Node() {
        world.ns("bank").ns("shop");
        for (const auto* path : {"bank/first", "shop/heir", "shop/third"})
            add(path, 100);
    }
    void add(const std::string& path, int64_t created) {
        auto object = pod(path, "node-a", {}, {});
        object.created = at(created);
        world.put(object);
    }
    void tell(const std::string& path, int64_t created, uint32_t turn, std::vector<Address> addresses) {
        auto object = named<state::IdentitySlice>("node-b-1");
        object.pods.push_back(pod(path, "node-b", {}, std::move(addresses)));
        object.pods.back().created = at(created);
        object.pods.back().turn = turn;
        object.pods.back().slice = object.meta.name;
        world.put(object);
    }
    void see(std::vector<state::LocalPod> pods) {
        world.local(std::move(pods)).desired();
        succession.update(world.cluster, std::bind_front(&compile::Compiler::claimed, &world.compiler()));
    }
    Told told(const std::string& name) {
        for (const auto& [slice, text] :
             publish::slices_of(world.cluster, world.desired(), "node-a", {}, {}, succession)) {
            const auto json = Json::parse(text); // lives as long as what it is asked for
            for (const auto& endpoint : json.at("spec").at("endpoints"))
                if (endpoint.at("pod") == name) return {endpoint.value("since", ""), endpoint.value("turn", 0U)};
        }
        return {"nothing", 0};
    }
};

/// Slots are given to others, generations aren't.
state::LocalPod wired(uint32_t generation, const std::string& path, std::vector<std::string> addresses) {
    auto local = local_pod(1, path, std::move(addresses));
    local.slot = static_cast<uint16_t>(generation % 2 + 1);
    local.generation = generation;
    return local;
}

} // namespace

TEST_CASE("a pod that gets an address which another node's pod is told to have is the younger of both") {
    struct Row {
        int64_t others_date;
        uint32_t others_turn;
        Told told;
    };
    const std::vector<Row> rows{{99, 0, {"", 0}},
                                {99, 7, {"", 0}},
                                {100, 0, {"", 1}},
                                {100, 1, {"", 2}},
                                {101, 0, {since(101), 1}},
                                {500, 3, {since(500), 4}},
                                {100, state::kLastTurn, {"", state::kLastTurn}}};
    for (const auto& row : rows) {
        CAPTURE(row.others_date, row.others_turn);
        Node node;
        node.tell("bank/far", row.others_date, row.others_turn, {address(kAddress)});
        node.see({wired(1, "shop/heir", {"169.254.0.1", kAddress})});
        CHECK(node.told("heir") == row.told);
        node.world.cluster.remove({"IdentitySlice", "", "node-b-1"});
        node.see({wired(1, "shop/heir", {kAddress})}); // what it was, it stays: else it would be told anew
        CHECK(node.told("heir") == row.told);
    }
}

TEST_CASE("who is told to have an address only after this node's pod was seen with it changes nothing") {
    Node node;
    node.see({wired(1, "shop/heir", {kAddress})});
    node.tell("bank/far", 100, 0, {address(kAddress)});
    node.see({wired(1, "shop/heir", {kAddress})});
    CHECK(node.told("heir") == Told{"", 0});
    node.tell("bank/far", 100, 0, {address(kAddress), address(kAddress6)});
    node.see({wired(1, "shop/heir", {kAddress, kAddress6})}); // its second address comes now
    CHECK(node.told("heir") == Told{"", 1});
}

TEST_CASE("within a node each next pod of an address has the next turn, until the former one is withdrawn") {
    const bool at_once = GENERATE(false, true); // or with a moment in which nobody has it
    Node node;
    node.see({wired(1, "bank/first", {kAddress})});
    if (!at_once) node.see({});
    node.see({wired(2, "shop/heir", {kAddress})});
    CHECK(node.told("heir") == Told{"", 1});
    if (!at_once) node.see({});
    node.see({wired(3, "shop/third", {kAddress})});
    CHECK(node.told("third") == Told{"", 2});
    node.see({});
    node.succession.forget_former();
    node.see({wired(4, "shop/heir", {kAddress})});
    CHECK(node.told("heir") == Told{"", 0});
}

TEST_CASE("the heir of a pod that got its address late comes after that moment, not after when that pod was made") {
    Node node;
    node.add("shop/heir", 480);
    auto late = wired(1, "bank/first", {kAddress}); // made at 100
    late.addressed = at(500);
    node.see({late});
    CHECK(node.told("first") == Told{since(500), 0});
    auto heir = wired(2, "shop/heir", {kAddress});
    heir.addressed = at(501);
    node.see({heir});
    CHECK(node.told("heir") == Told{since(500), 1});
}

TEST_CASE("a pod that is made anew under its name stays whose heir it was") {
    Node node;
    node.see({wired(1, "bank/first", {kAddress})});
    node.see({wired(2, "shop/heir", {kAddress})});
    node.see({wired(3, "shop/heir", {kAddress})});
    CHECK(node.told("heir") == Told{"", 1});
}

TEST_CASE("an address that every node has for itself makes nobody an heir") {
    Node node;
    node.tell("bank/far", 100, 0, {address("fd00::ac:2"), address("169.254.172.2")});
    node.see({wired(1, "shop/heir", {kAddress, "fd00::ac:2", "169.254.172.2"})});
    CHECK(node.told("heir") == Told{"", 0});
}

TEST_CASE("a pod that has another address of its own is nobody's heir, nor is one of the same name") {
    Node node;
    node.see({wired(1, "bank/first", {kAddress})});
    node.see({wired(1, "bank/first", {kAddress}), wired(2, "shop/heir", {"10.0.1.2"})});
    CHECK(node.told("heir") == Told{"", 0});
    node.see({wired(2, "shop/heir", {"10.0.1.2"}), wired(3, "bank/first", {kAddress})});
    CHECK(node.told("first") == Told{"", 0}); // replaces itself in the slice
}

TEST_CASE("a pod whose object comes after its interface is an heir all the same") {
    Node node;
    node.tell("bank/far", 100, 0, {address(kAddress)});
    node.see({wired(1, "shop/late", {kAddress})});
    CHECK(node.told("late") == Told{"nothing", 0});
    node.add("shop/late", 100);
    node.see({wired(1, "shop/late", {kAddress})});
    CHECK(node.told("late") == Told{"", 1});
}

TEST_CASE(
    "while nothing can be withdrawn, more former pods than are remembered make everybody their heir, and no more") {
    constexpr auto kMost = publish::Succession::kMostFormer;
    const bool is_one_more = GENERATE(false, true);
    Node node;
    node.add("bank/many", 300);
    const auto nth = [](size_t i) { return "fd00::7:" + std::to_string(i / 5000) + ":" + std::to_string(i % 5000); };
    std::vector<std::string> all;
    for (size_t i = 0; i < kMost; ++i)
        all.push_back(nth(i));
    node.see({wired(1, "bank/many", all)}); // what stands for many pods with an address each, one after the other
    node.see({});
    if (is_one_more) {
        node.see({wired(2, "bank/first", {kAddress6})});
        CHECK(node.told("first") == Told{"", 0}); // it had not been too many yet
        node.see({});
    }
    auto generation = [next = uint32_t{3}]() mutable { return next++; };
    const auto told_with = [&](const std::string& address) {
        node.see({wired(generation(), "shop/heir", {address})});
        auto told = node.told("heir");
        return told;
    };
    CHECK(told_with("10.0.1.9") == (is_one_more ? Told{since(300), 1} : Told{"", 0})); // nobody had this one
    CHECK(told_with(nth(7)) == Told{since(300), 1});
    node.succession.forget_former();
    CHECK(told_with("10.0.1.10") == Told{"", 0});
    CHECK(told_with(nth(8)) == Told{"", 0});
}

TEST_CASE("of too many former pods the next ones come after each other, too") {
    Node node;
    for (size_t i = 0; i <= publish::Succession::kMostFormer; ++i) {
        auto one = wired(static_cast<uint32_t>(i + 1), i % 2 == 0 ? "bank/first" : "shop/third", {});
        one.addresses = {address("fd00::8:" + std::to_string(i / 5000) + ":" + std::to_string(i % 5000))};
        one.slot = static_cast<uint16_t>(i % 2 + 1);
        node.see({one});
    }
    node.see({wired(9000, "shop/heir", {kAddress})});
    CHECK(node.told("heir") == Told{"", 1});
    node.see({wired(9001, "bank/first", {kAddress})});
    CHECK(node.told("first") == Told{"", 2});
}
