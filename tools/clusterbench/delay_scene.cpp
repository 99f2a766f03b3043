// SPDX-License-Identifier: Apache-2.0
#include "delay_scene.h"

namespace bulkhead::bench {

namespace {

constexpr uint32_t kFirstHost = 20;     // of the node's pods: 10.0.1.20 and on
constexpr uint32_t kMoving = 2'000'000; // address_of() of pods in slices that move: nobody else's
constexpr uint16_t kPort = 8000;

enum : uint32_t { kFlipped, kLabelled, kEdited, kGranting };

/// Pod "p" of the number'th namespace of a kind.
Address local_address(uint32_t kind, uint32_t number) {
    Address address = *Address::parse("10.0.1.0");
    address.bytes[3] = static_cast<uint8_t>(kFirstHost + kind * DelayScene::kOfEach + number);
    return address;
}

std::string pods_of(const std::string& ns) {
    return std::string(kNamespaces) + "/" + ns + "/pods";
}

std::string numbered(const char* name, uint32_t number) {
    return std::string(name) + "-" + std::to_string(number);
}

Json tenant_object(uint32_t number, uint16_t port) {
    return {{"apiVersion", "bulkhead.dev/v1alpha1"},
            {"kind", "Tenant"},
            {"metadata", {{"name", numbered("edited", number)}}},
            {"spec",
             {{"namespaces", {numbered("edited", number)}},
              {"level", "protected"},
              {"expose", {{{"ports", {{{"port", port}, {"protocol", "TCP"}}}}}}}}}};
}

/// Its grants tell pods with the label from pods without.
Json granting_tenant() {
    Json selector{{"matchLabels", {{"bench/role", "teller"}}}};
    Json peer{{"namespace", "labelled-0"}, {"podSelector", selector}};
    Json grants = Json::array();
    for (uint32_t i = 0; i < DelayScene::kOfEach; ++i) {
        peer["namespace"] = numbered("labelled", i);
        grants.push_back({{"from", {peer}}, {"ports", {{{"port", kPort}}}}});
    }
    return {{"apiVersion", "bulkhead.dev/v1alpha1"},
            {"kind", "Tenant"},
            {"metadata", {{"name", "granting"}}},
            {"spec", {{"namespaces", {"granting"}}, {"level", "protected"}, {"allowFrom", grants}}}};
}

Json moving_slice(uint32_t number, bool forth) {
    Population few{.pods = 1, .namespaces = 1};
    auto slice = slice_object(few, 0, 0);
    slice["metadata"]["name"] = numbered("moving", number);
    slice["metadata"]["labels"]["bulkhead.dev/node"] = numbered("moving-node", number);
    slice["spec"]["node"] = numbered("moving-node", number);
    auto& endpoint = slice["spec"]["endpoints"][0];
    endpoint["pod"] = numbered("moving", number);
    endpoint["addresses"] = {address_of(kMoving + 2 * number + (forth ? 1 : 0)).text()};
    return slice;
}

void add_objects(std::vector<ApiClient::Request>& namespaces, std::vector<ApiClient::Request>& rest, uint32_t number) {
    for (const auto* kind : {"flipped", "labelled", "edited"}) {
        const auto ns = numbered(kind, number);
        namespaces.push_back(post(kNamespaces, namespace_object(ns, {{"bulkhead.dev/level", "non-protected"}})));
        rest.push_back(post(pods_of(ns), pod_object(ns, "p", {{"bench/role", "none"}})));
    }
    rest.push_back(post(kTenants, tenant_object(number, kPort)));
    rest.push_back(
        server_side_apply(std::string(kSlices) + "/" + numbered("moving", number), moving_slice(number, false)));
}

} // namespace

const std::vector<Kind>& DelayScene::kinds() {
    static const std::vector<Kind> all{
        {"namespace level", "a namespace's label: the identity of its pods"},
        {"pod label", "a label that a grant asks for, of a pod of this node: the row of openings from it"},
        {"tenant edit", "a Tenant's exposed port: the row of openings"},
        {"other node's slice", "a pod of another node has another address: a row of endpoints"},
    };
    return all;
}

Result<> DelayScene::build(const Place& place, ApiClient& client, const Population& population) {
    if (auto settled = settle(client, population); !settled) return settled;
    std::vector<ApiClient::Request> namespaces;
    std::vector<ApiClient::Request> rest{post(kTenants, granting_tenant())};
    namespaces.push_back(post(kNamespaces, namespace_object("granting", Json::object())));
    rest.push_back(post(pods_of("granting"), pod_object("granting", "p", Json::object())));
    for (uint32_t i = 0; i < kOfEach; ++i)
        add_objects(namespaces, rest, i);
    if (auto done = client.ask_all(namespaces); !done) return done;
    if (auto done = client.ask_all(rest); !done) return done;
    uint32_t row = 0;
    for (const auto* kind : {"flipped", "labelled", "edited"}) {
        for (uint32_t i = 0; i < kOfEach; ++i)
            if (auto wired = place.wire(numbered(kind, i) + "/p", local_address(row, i)); !wired) return wired;
        ++row;
    }
    return place.wire("granting/p", local_address(kGranting, 0));
}

DelayScene::Turn DelayScene::turn_of(size_t kind) {
    const auto count = changes_[kind]++;
    return {.number = count % kOfEach, .forth = count / kOfEach % 2 == 0};
}

DelayScene::Change DelayScene::next(size_t kind) {
    const auto turn = turn_of(kind);
    if (kind == 0) return flip_level(turn);
    if (kind == 1) return label_pod(turn);
    return kind == 2 ? edit_tenant(turn) : move_slice(turn);
}

DelayScene::Change DelayScene::flip_level(Turn turn) const {
    const auto path = std::string(kNamespaces) + "/" + numbered("flipped", turn.number);
    const Json labels{{"bulkhead.dev/level", turn.forth ? "protected" : "non-protected"}};
    return {merge(path, {{"metadata", {{"labels", labels}}}}),
            [this, turn] { return kernel_.is_protected(local_address(kFlipped, turn.number)) == turn.forth; }};
}

DelayScene::Change DelayScene::label_pod(Turn turn) const {
    const auto path = std::string(kNamespaces) + "/" + numbered("labelled", turn.number) + "/pods/p";
    const Json labels{{"bench/role", turn.forth ? "teller" : "none"}};
    const auto teller = local_address(kLabelled, turn.number);
    return {merge(path, {{"metadata", {{"labels", labels}}}}),
            [this, turn, teller] { return kernel_.grants(local_address(kGranting, 0), teller) == turn.forth; }};
}

DelayScene::Change DelayScene::edit_tenant(Turn turn) const {
    const auto port = static_cast<uint16_t>(kPort + (turn.forth ? 1 : 0));
    const auto object = tenant_object(turn.number, port);
    return {merge(std::string(kTenants) + "/" + numbered("edited", turn.number), {{"spec", object["spec"]}}),
            [this, turn, port] { return kernel_.exposes(local_address(kEdited, turn.number), port); }};
}

DelayScene::Change DelayScene::move_slice(Turn turn) const {
    const auto address = address_of(kMoving + 2 * turn.number + (turn.forth ? 1 : 0));
    return {server_side_apply(std::string(kSlices) + "/" + numbered("moving", turn.number),
                              moving_slice(turn.number, turn.forth)),
            [this, address] { return kernel_.identity_of(address).has_value(); }};
}

} // namespace bulkhead::bench
