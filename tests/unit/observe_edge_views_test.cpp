// SPDX-License-Identifier: Apache-2.0
//
// By which labels a workload's pods can be selected, as far as a node knows.
#include "compile_world.h"
#include "observe/edge_views.h"

namespace bulkhead::observe {
namespace {

state::PodTemplate web_with(state::Labels labels, std::optional<std::set<std::string>> known = {}) {
    state::PodTemplate common;
    common.labels = std::move(labels);
    common.known_labels = std::move(known);
    common.workload = {"Deployment", "web"};
    return common;
}

const flow::Party kWeb{.kind = flow::Kind::kPod, .ns = "shop", .workload = "Deployment/web", .name = {}};

TEST_CASE("a workload has the labels that all its pods have") {
    test::World world;
    world.pod("shop/web-1", {"10.0.1.1"}, web_with({{"app", "web"}, {"pod", "1"}}));
    world.pod("shop/web-2", {"10.0.1.2"}, web_with({{"app", "web"}, {"pod", "2"}}));
    CHECK(labels_of_workloads(world.cluster).at(kWeb) == state::Labels{{"app", "web"}});
}

TEST_CASE("a pod elsewhere, of which only some labels are told, takes none from those that are known") {
    test::World world;
    world.pod("shop/web-1", {"10.0.1.1"}, web_with({{"app", "web"}}));
    world.pod("shop/web-2", {"10.0.1.2"}, web_with({}, std::set<std::string>{"team"}));
    CHECK(labels_of_workloads(world.cluster).at(kWeb) == state::Labels{{"app", "web"}});
}

TEST_CASE("where all pods are elsewhere, what is told of them is what is known") {
    test::World world;
    world.pod("shop/web-1", {"10.0.1.1"}, web_with({{"team", "a"}}, std::set<std::string>{"team"}));
    CHECK(labels_of_workloads(world.cluster).at(kWeb) == state::Labels{{"team", "a"}});
}

} // namespace
} // namespace bulkhead::observe
