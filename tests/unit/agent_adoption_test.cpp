// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <catch2/catch_test_macros.hpp>

#include "adoption.h"

using namespace bulkhead;
using netlink::Direction;
using netlink::Tracked;

namespace {

const OlderPods kPods{{*Address::parse("10.0.1.20"), 1}, {*Address::parse("10.0.1.30"), 2}};

Direction way(const char* src, uint16_t src_port, const char* dst, uint16_t dst_port) {
    return {*Address::parse(src), *Address::parse(dst), htons(src_port), htons(dst_port)};
}

std::string text(const bh_adoption& adoption) {
    return std::to_string(adoption.slot) + (adoption.from_pod ? " began: " : " was asked: ") +
           Address::from(adoption.src, adoption.family).text() + ":" + std::to_string(ntohs(adoption.src_port)) +
           " -> " + Address::from(adoption.dst, adoption.family).text() + ":" +
           std::to_string(ntohs(adoption.dst_port));
}

std::vector<std::string> texts(const Direction& original, const Direction& reply) {
    std::vector<std::string> all;
    for (const auto& adoption : adoptions_of(
             {.protocol = BH_UDP, .original = original, .reply = reply, .answered = true, .finished = false}, kPods))
        all.push_back(text(adoption));
    return all;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("a pod that began sees its conversation before NAT, one that was asked sees it after all of it") {
    // Through a Service, and masked by the node on the way out.
    CHECK(texts(way("10.0.1.20", 4000, "172.20.0.10", 53), way("10.0.2.9", 5353, "10.0.0.1", 61000)) ==
          Texts{"1 began: 10.0.1.20:4000 -> 172.20.0.10:53"});
    // Through a NodePort of this node, which masks the client.
    CHECK(texts(way("203.0.113.5", 4000, "10.0.0.1", 30053), way("10.0.1.20", 53, "10.0.0.1", 61000)) ==
          Texts{"1 was asked: 10.0.0.1:61000 -> 10.0.1.20:53"});
}

TEST_CASE("of a conversation between two pods of this node both memories hear, of others' none") {
    CHECK(texts(way("10.0.1.20", 4000, "10.0.1.30", 53), way("10.0.1.30", 53, "10.0.1.20", 4000)) ==
          Texts{"1 began: 10.0.1.20:4000 -> 10.0.1.30:53", "2 was asked: 10.0.1.20:4000 -> 10.0.1.30:53"});
    CHECK(texts(way("10.0.0.1", 4000, "10.0.2.9", 53), way("10.0.2.9", 53, "10.0.0.1", 4000)).empty());
}

TEST_CASE("what is known of a connection's state goes into the memory") {
    const auto state = [](bool answered, bool finished, bool reset) {
        Tracked tracked{.protocol = BH_TCP,
                        .original = way("10.0.1.20", 4000, "10.0.2.9", 80),
                        .reply = way("10.0.2.9", 80, "10.0.1.20", 4000),
                        .answered = answered,
                        .finished = finished,
                        .reset = reset};
        return int{adoptions_of(tracked, kPods).at(0).state};
    };
    CHECK(state(false, false, false) == 0);
    CHECK(state(true, false, false) == BH_FLOW_ANSWERED);
    CHECK(state(true, true, false) == (BH_FLOW_ANSWERED | BH_FLOW_FIN_LOCAL | BH_FLOW_FIN_PEER));
    CHECK(state(true, false, true) == (BH_FLOW_ANSWERED | BH_FLOW_RESET));
}

TEST_CASE("only pods that were there before us adopt, by all of their addresses") {
    state::LocalPod older{.slot = 3, .older = true, .pod = "shop/old"};
    older.addresses = {*Address::parse("10.0.1.7"), *Address::parse("fd00::7")};
    state::LocalPod later{.slot = 4, .pod = "shop/new"};
    later.addresses = {*Address::parse("10.0.1.8")};
    CHECK(older_pods({{uint16_t{3}, older}, {uint16_t{4}, later}}) ==
          OlderPods{{*Address::parse("10.0.1.7"), 3}, {*Address::parse("fd00::7"), 3}});
}
