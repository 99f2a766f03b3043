// SPDX-License-Identifier: Apache-2.0
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using compile::KnownIds;

namespace {

/// What the agent reads back from pinned maps when it starts.
KnownIds known_from(const compile::Desired& desired) {
    KnownIds known;
    for (const auto& [id, name] : desired.tenants)
        known.tenants[name] = id;
    for (const auto& [id, identity] : desired.identities)
        known.identities[identity.key_hash] = id;
    return known;
}

void fill(World& world, const std::vector<std::string>& names) {
    for (const auto& name : names)
        world.ns(name).pod(name + "/p", {"10.0.0." + std::to_string(name.back() - 'a' + 1)});
}

} // namespace

TEST_CASE("the built-in identities are always there") {
    World world;
    world.ns("a");
    const auto& desired = world.desired();
    CHECK(desired.identities.at(BH_IDENTITY_WORLD).flags == BH_OUTSIDE);
    CHECK((desired.identities.at(BH_IDENTITY_HELD).flags & (BH_PROTECTED | BH_POD | BH_UNNAMED)) ==
          (BH_PROTECTED | BH_POD | BH_UNNAMED));
    CHECK(desired.names.at(BH_IDENTITY_WORLD).what == "world");
    CHECK(desired.names.at(BH_IDENTITY_HELD).what == "held");
    CHECK_FALSE(desired.armed);
}

TEST_CASE("ids of tenants and identities survive a restart, in whatever order things come back") {
    World first;
    fill(first, {"ns-a", "ns-b", "ns-c"});
    const auto before = first.desired();

    World second(settings_of("node-a"), known_from(before));
    fill(second, {"ns-c"});
    const auto early = second.desired();
    fill(second, {"ns-d", "ns-b", "ns-a"});
    CHECK(early.endpoints.at(address("10.0.0.3")).row.identity == first.id("10.0.0.3"));
    for (const auto* text : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
        CHECK(second.id(text) == first.id(text));
        CHECK(second.identity(text).tenant == first.identity(text).tenant);
    }
    CHECK_FALSE(before.identities.contains(second.id("10.0.0.4"))); // a known id waits for its own class
}

TEST_CASE("flipping a namespace is one identity's write: no endpoint moves") {
    World world;
    world.ns("a").ns("b");
    for (int i = 1; i <= 20; ++i)
        world.pod("a/p" + std::to_string(i), {"10.0.1." + std::to_string(i)});
    world.pod("b/p", {"10.0.2.1"});
    const auto before = world.desired();
    world.protect("a");
    const auto& after = world.desired();
    for (const auto& [address, row] : before.endpoints)
        CHECK(after.endpoints.at(address).row.identity == row.row.identity);
    CHECK(world.ask("10.0.2.1", "10.0.1.1") == BH_REASON_NOT_GRANTED);
    CHECK(after.identities.at(world.id("10.0.1.1")).key_hash != before.identities.at(world.id("10.0.1.1")).key_hash);
}

TEST_CASE("a class that splits keeps its id for nobody else in the same update") {
    auto object = tenant("t", {"a", "b"});
    World world;
    world.ns("a").ns("b").put(object).pod("a/p", {"10.0.1.1"}).pod("b/p", {"10.0.2.1"});
    const auto shared = world.id("10.0.1.1");
    REQUIRE(world.id("10.0.2.1") == shared);
    world.protect("a");
    CHECK(world.id("10.0.2.1") == shared); // the class that did not change
    CHECK(world.id("10.0.1.1") != shared);
}

TEST_CASE("an id that fell free is given out again, but not before the next update") {
    World world;
    world.ns("a").ns("b").ns("c").pod("a/p", {"10.0.1.1"});
    const auto freed = world.id("10.0.1.1");
    world.cluster.remove({.kind = "Pod", .ns = "a", .name = "p"});
    world.pod("b/p", {"10.0.1.1"});
    CHECK(world.id("10.0.1.1") != freed);
    CHECK_FALSE(world.desired().identities.contains(freed));
    CHECK(world.touched.identities.contains(freed));
    world.pod("c/p", {"10.0.1.2"});
    CHECK(world.id("10.0.1.2") == freed);
}

TEST_CASE("pods that no rule tells apart share an identity, and a selector that names some parts them") {
    state::PodTemplate web;
    web.labels = {{"app", "web"}};
    World world;
    world.ns("a").protect("b").pod("a/1", {"10.0.1.1"}, web).pod("a/2", {"10.0.1.2"}).pod("b/1", {"10.0.2.1"});
    CHECK(world.id("10.0.1.1") == world.id("10.0.1.2"));
    auto object = named<state::AccessGrant>("web", "b");
    object.grant = grant({from_tenant("ns/a", label_is("app", "web"))});
    world.put(object);
    CHECK(world.id("10.0.1.1") != world.id("10.0.1.2"));
}

TEST_CASE("names say whose an identity is and what it stands for") {
    World world;
    world.protect("payments").pod("payments/api", {"10.0.2.1"}).put(resource("aurora", {"10.9.0.1"}));
    const auto pods = world.desired().names.at(world.id("10.0.2.1"));
    CHECK(pods.tenant == "ns/payments");
    CHECK(pods.what == "pods");
    CHECK(world.desired().names.at(world.id("10.9.0.1")).what == "AWSResource aurora");
}

TEST_CASE("when ids run out the rest get ids beyond the limit, and better ones once there are some") {
    auto settings = settings_of("node-a");
    settings.max_identities = 32;
    World world(settings);
    std::vector<std::string> names;
    for (char letter = 'a'; letter <= 'p'; ++letter)
        names.push_back(std::string("ns-") + letter);
    fill(world, names);
    const auto beyond = [&] {
        std::vector<std::string> some;
        for (int host = 1; host <= 16; ++host)
            if (const auto text = "10.0.0." + std::to_string(host);
                world.desired().endpoints.contains(address(text)) && world.id(text) >= 32)
                some.push_back(text);
        return some;
    };
    const auto first = beyond();
    REQUIRE_FALSE(first.empty());
    CHECK_FALSE(world.compiler().has_room_again());

    std::vector<state::ObjectKey> within;
    for (int host = 1; within.size() < first.size(); ++host)
        if (world.id("10.0.0." + std::to_string(host)) < 32)
            within.push_back({"Pod", names.at(static_cast<size_t>(host - 1)), "p"});
    for (const auto& pod : within)
        world.cluster.remove(pod);
    CHECK(beyond() == first); // the kernel still has the old rows
    CHECK(world.compiler().has_room_again());
    const auto touched = world.compiler().update(world.cluster, {});
    CHECK(touched.everything);
    CHECK(beyond().empty());
    CHECK_FALSE(world.compiler().has_room_again());
}

TEST_CASE("known ids whose classes don't come back are given to others once that is certain") {
    World first;
    fill(first, {"ns-a"});
    World second(settings_of("node-a"), known_from(first.desired()));
    fill(second, {"ns-b"});
    (void)second.desired();
    second.compiler().release_known_ids();
    fill(second, {"ns-c"});
    CHECK(second.id("10.0.0.3") == first.id("10.0.0.1"));
}
