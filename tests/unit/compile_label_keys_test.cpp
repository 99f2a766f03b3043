// SPDX-License-Identifier: Apache-2.0
//
// Whose selectors' keys find room in the slices, and who is told that theirs didn't.
#include "compile/label_keys.h"

#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using compile::kMostLabelKeys;
using compile::label_keys;

namespace {

using Keys = std::vector<std::string>;

state::Selector asking_for(const Keys& keys) {
    state::Selector selector;
    for (const auto& key : keys)
        selector.terms.push_back({.key = key, .op = state::Selector::Term::Op::kExists, .values = {}});
    return selector;
}

Keys numbered(const std::string& prefix, size_t count) {
    Keys keys;
    for (size_t i = 0; i < count; ++i)
        keys.push_back(prefix + std::to_string(i));
    return keys;
}

/// `path` is "namespace/name".
state::AccessGrant grant_asking(const std::string& path, const Keys& keys, std::optional<int> created = {}) {
    const auto slash = path.find('/');
    auto object = named<state::AccessGrant>(path.substr(slash + 1), path.substr(0, slash));
    if (created) object.meta.created = state::Time(std::chrono::seconds(*created));
    object.grant = grant({from_tenant("blog", asking_for(keys))});
    return object;
}

World with_namespaces() {
    World world;
    world.ns("blog", {{"bulkhead.dev/tenant", "blog"}}).ns("hoard").ns("shop");
    return world;
}

} // namespace

TEST_CASE("a namespace with many odd keys takes nothing from another's few, whatever they are called") {
    auto world = with_namespaces();
    world.put(grant_asking("hoard/all", numbered("aa", 500), 1)).put(grant_asking("shop/web", {"zz", "tier"}, 2));
    const auto keys = label_keys(world.cluster);
    CHECK(keys.size() == kMostLabelKeys);
    CHECK(keys.contains("zz"));
    CHECK(keys.contains("tier"));
    CHECK(keys.contains("aa0"));
    CHECK(keys.contains("aa125"));
    CHECK_FALSE(keys.contains("aa126"));
}

TEST_CASE("many small grants are one namespace's, as one big grant is") {
    auto world = with_namespaces();
    for (const auto& key : numbered("aa", 500))
        world.put(grant_asking("hoard/" + key, {key}, 1));
    world.put(grant_asking("shop/web", {"zz", "tier"}, 2));
    CHECK(label_keys(world.cluster).contains("zz"));
    CHECK(label_keys(world.cluster).contains("tier"));
    CHECK_FALSE(world.has_problem("AccessGrant shop/web", "room"));
}

TEST_CASE("what tenants ask for never pushes out what the platform asks for, and a shared key takes room once") {
    auto world = with_namespaces();
    auto object = tenant("blog", {"blog"});
    object.trusted = {opening({}, asking_for(numbered("p", kMostLabelKeys)))};
    auto owned = resource("aurora", {"10.9.0.1"});
    owned.allow_from = {grant({from_tenant("blog", asking_for({"r"}))})};
    world.put(object).put(owned).put(grant_asking("shop/web", {"p7", "tier"}));
    const auto keys = label_keys(world.cluster);
    CHECK(keys.size() == kMostLabelKeys + 1);
    CHECK(keys.contains("r"));
    CHECK_FALSE(keys.contains("tier"));
    CHECK(world.has_problem("AccessGrant shop/web spec.from[0].podSelector", "label key tier: "));
}

TEST_CASE("of one namespace's grants the oldest finds room first, then the first by name; unknown age is no age") {
    auto world = with_namespaces();
    const auto many = [](const std::string& prefix) { return numbered(prefix, kMostLabelKeys / 2); };
    world.put(grant_asking("shop/a", many("a"))).put(grant_asking("shop/z", many("z"), 100));
    world.put(grant_asking("shop/c", many("c"), 200)).put(grant_asking("shop/b", many("b"), 200));
    const auto keys = label_keys(world.cluster);
    CHECK(keys.contains("z63"));
    CHECK(keys.contains("b63"));
    CHECK_FALSE(keys.contains("c0"));
    CHECK_FALSE(keys.contains("a0"));
}

TEST_CASE("where not even one key each has room, who came first keeps theirs") {
    World world;
    for (size_t i = 0; i < kMostLabelKeys; ++i)
        world.put(grant_asking("n" + std::to_string(i) + "/g", {"k" + std::to_string(i)}, 1));
    const auto before = label_keys(world.cluster);
    world.put(grant_asking("a-newcomer/g", {"odd"}, 2));
    CHECK(label_keys(world.cluster) == before);
    CHECK(world.has_problem("AccessGrant a-newcomer/g", "odd"));
}

TEST_CASE("who finds no room is told, once for each grant, with the key and the bound; nobody else is") {
    auto world = with_namespaces();
    auto big = grant_asking("hoard/all", {"team"}, 1);
    big.grant.from.push_back(from_tenant("blog", asking_for(numbered("aa", 200))));
    world.put(big).put(grant_asking("shop/web", {"tier"}, 2));
    CHECK(
        world.has_problem("AccessGrant hoard/all spec.from[1].podSelector",
                          "there is no room for the label key aa126 (nor for 73 more): nodes tell each other of 128"));
    CHECK(world.desired().problems.size() == 1);
    CHECK(world.desired().problems.front().nature ==
          state::Problem::Nature::kMistake); // of its condition, and an Event
    world.put(grant_asking("hoard/all", numbered("aa", 127), 1));
    CHECK(world.desired().problems.empty());
}
