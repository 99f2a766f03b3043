// SPDX-License-Identifier: Apache-2.0
//
// What was found for AWSResources -> IdentitySlices and the condition Resolved.
#include <catch2/catch_test_macros.hpp>

#include "controller/wanted.h"
#include "controller_value.h"

using namespace bulkhead;
using namespace bulkhead::controller;

namespace {

constexpr int64_t kGeneration = 3;
constexpr state::Time kNow{std::chrono::seconds(1'800'000'000)}; // 2027-01-15T08:00:00Z

std::set<Cidr> addresses(size_t from, size_t to) {
    std::set<Cidr> all;
    for (size_t i = from; i < to; ++i)
        all.insert(*Cidr::parse("10.9." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)));
    return all;
}

resolve::Finding finding(const std::set<Cidr>& of, bool settled = true) {
    return {.addresses = of, .changed = kNow, .settled = settled};
}

/// A controller that looks up, the cluster that it knows, and the API server, which takes what it wants.
struct Scene {
    Observed observed;
    state::Cluster cluster;
    std::map<std::string, resolve::Finding> found;
    std::set<std::string> told;

    void put_resource(const std::string& name) {
        state::AwsResource resource;
        resource.meta.name = name;
        cluster.put(resource);
        observed.resources.put(value({{"metadata", {{"name", name}}}}));
    }

    Changes wanted() const {
        Changes changes;
        const Findings findings = [this](const std::string& name) {
            const auto of = found.find(name);
            return of == found.end() ? nullptr : &of->second;
        };
        want_found(observed, cluster, findings, changes);
        return changes;
    }

    /// "PATCH resource-aurora-0"
    std::set<std::string> apply() {
        std::set<std::string> done;
        for (const auto& [key, change] : wanted()) {
            const auto& path = change.request.path;
            const auto name = path.substr(path.rfind('/') + 1, path.find('?') - path.rfind('/') - 1);
            done.insert(change.request.method + " " + name);
            if (change.request.method == "PATCH")
                observed.slices.put(value(Json::parse(change.request.body)));
            else
                observed.slices.remove(value({{"metadata", {{"name", name}}}}));
        }
        tell_found(observed, cluster, told);
        return done;
    }
};

using Done = std::set<std::string>;

Condition resolved(const resolve::Finding& of, const Json& before = Json::object(),
                   const Unpublished& unpublished = {}) {
    const auto conditions = resolved_of([&](const auto&) { return &of; }, unpublished, "aurora", kGeneration, before);
    REQUIRE(conditions.size() == 1);
    return conditions.front();
}

} // namespace

TEST_CASE("what was found is written once, in slices of a hundred, and one change is one slice") {
    Scene scene;
    scene.put_resource("aurora");
    scene.found["aurora"] = finding(addresses(0, 150));
    CHECK(scene.apply() == Done{"PATCH resource-aurora-0", "PATCH resource-aurora-1"});
    CHECK(scene.apply() == Done{});
    const auto& slice = *scene.observed.slices.find("resource-aurora-1");
    CHECK(slice.resource == "aurora");
    CHECK(slice.node.empty());
    CHECK(slice.addresses.size() == 50);
    const auto& found = scene.cluster.resources().at("aurora").found;
    CHECK(std::set<Cidr>(found.begin(), found.end()) == addresses(0, 150));

    scene.found["aurora"] = finding(addresses(1, 150));
    CHECK(scene.apply() == Done{"PATCH resource-aurora-0"});
    CHECK(scene.cluster.resources().at("aurora").found.size() == 149);
    scene.found["aurora"] = finding(addresses(100, 101));
    CHECK(scene.apply() == Done{"DELETE resource-aurora-0", "PATCH resource-aurora-1"});
}

TEST_CASE("slices are of one owner each, by the tags, and an address whose tag changes is never in none") {
    Scene scene;
    scene.put_resource("aurora");
    const auto first = *Cidr::parse("10.9.0.1"), second = *Cidr::parse("10.9.0.2");
    auto& of = scene.found["aurora"] = finding({first, second});
    of.owners = {{first, {{.tenant = "payments", .level = "protected"}}},
                 {second, {{.tenant = "payments", .level = "protected"}}}};
    CHECK(scene.apply() == Done{"PATCH resource-aurora-0"});
    CHECK(Json::parse(scene.observed.slices.find("resource-aurora-0")->spec) ==
          Json{{"awsResource", "aurora"},
               {"addresses", {"10.9.0.1", "10.9.0.2"}},
               {"tenant", "payments"},
               {"level", "protected"}});
    CHECK(scene.apply() == Done{});
    const auto& known = scene.cluster.resources().at("aurora");
    CHECK(known.owners == of.owners);

    of.owners[second] = {{.tenant = "blog"}};
    CHECK(scene.apply() == Done{"PATCH resource-aurora-1"});
    CHECK_FALSE(Json::parse(scene.observed.slices.find("resource-aurora-1")->spec).contains("level"));
    CHECK(known.owners.at(second).size() == 2);
    CHECK(scene.apply() == Done{"PATCH resource-aurora-0"});
    CHECK(known.owners == of.owners);
    CHECK(scene.apply() == Done{});

    of.owners.clear(); // nobody asks for tags any more
    CHECK(scene.apply() == Done{"PATCH resource-aurora-2"});
    CHECK(scene.apply() == Done{"DELETE resource-aurora-0", "DELETE resource-aurora-1"});
    CHECK(known.owners.empty());
    CHECK(known.found.size() == 2);
}

TEST_CASE("Resolved tells how many addresses are whose, as the tag says") {
    auto of = finding(addresses(0, 6));
    of.tenant_tag = "team";
    CHECK(resolved(of).message == "6 addresses found; by the tag team: 6 without it");
    size_t number = 0;
    for (const auto& address : of.addresses)
        if (++number <= 3)
            of.owners[address] = {{.tenant = number == 3 ? "blog" : "payments"}, {.tenant = "", .level = "protected"}};
        else if (number == 4)
            of.owners[address] = {{.tenant = "blog"}, {.tenant = "payments"}};
    CHECK(resolved(of).message == "6 addresses found; by the tag team: 1 of blog, 2 of payments, 1 of several tenants, "
                                  "2 without it");
    auto many = finding(addresses(0, 50));
    many.tenant_tag = "team";
    for (const auto& address : many.addresses)
        many.owners[address] = {{.tenant = "t" + address.address.text()}};
    CHECK(resolved(many).message.ends_with(", and of 30 more"));
    CHECK(resolved(finding({})).message == "0 addresses found");
}

TEST_CASE("slices go with their resource or its look-ups, but not because it isn't understood any more") {
    Scene scene;
    for (const auto* name : {"aurora", "cache", "queue"}) {
        scene.put_resource(name);
        scene.found[name] = finding(addresses(0, 1));
    }
    scene.apply();
    scene.cluster.remove({.kind = "AWSResource", .ns = "", .name = "aurora"});
    scene.observed.resources.remove(value({{"metadata", {{"name", "aurora"}}}}));
    scene.found.erase("cache");                                               // names only CIDRs now
    scene.cluster.remove({.kind = "AWSResource", .ns = "", .name = "queue"}); // there, and invalid
    CHECK(scene.apply() == Done{"DELETE resource-aurora-0", "DELETE resource-cache-0"});
    CHECK(scene.cluster.resources().at("cache").found.empty());
}

TEST_CASE("slices are written over and removed only as they were seen") {
    Scene scene;
    scene.put_resource("aurora");
    scene.found["aurora"] = finding(addresses(0, 1));
    const auto body = [&] { return Json::parse(scene.wanted().begin()->second.request.body); };
    CHECK_FALSE(body()["metadata"].contains("resourceVersion")); // there is none yet
    auto slice = body();
    slice["metadata"]["resourceVersion"] = "7";
    scene.observed.slices.put(value(slice));
    scene.found["aurora"] = finding(addresses(0, 2));
    CHECK(body()["metadata"]["resourceVersion"] == "7");
    scene.found.clear();
    CHECK(scene.wanted().begin()->second.request.method == "DELETE");
    CHECK(body()["preconditions"]["resourceVersion"] == "7");
}

TEST_CASE("what the API server doesn't take isn't resolved, whatever AWS and DNS answer") {
    const Unpublished refused{{"aurora", "can't write IdentitySlice resource-aurora-0: 403 Forbidden"}};
    const auto condition = resolved(finding(addresses(0, 2)), Json::object(), refused);
    CHECK(condition.status == "False");
    CHECK(condition.reason == "NotPublished");
    CHECK(condition.message == "2 addresses found, but the API server doesn't take them: can't write IdentitySlice "
                               "resource-aurora-0: 403 Forbidden");
    CHECK(resolved(finding(addresses(0, 2)), Json::object(), {{"cache", "another's"}}).status == "True");
    auto failing = finding(addresses(0, 2));
    failing.troubles.push_back({.reason = "Throttled", .text = "sg-1", .asked = {}, .since = kNow});
    CHECK(resolved(failing, Json::object(), refused).reason == "Throttled"); // that comes first: it lasts longer
}

TEST_CASE("who begins to lead knows from the slices what had been found, whose it is, and by when") {
    Scene scene;
    for (const auto* name : {"aurora", "cache"})
        scene.put_resource(name);
    scene.found["aurora"] = finding(addresses(0, 2));
    scene.found["aurora"].owners[*addresses(1, 2).begin()] = {{.tenant = "payments", .level = ""}};
    scene.found["cache"] = finding(addresses(5, 6));
    (void)scene.apply();
    scene.found["aurora"].changed = kNow + std::chrono::hours(1);
    scene.found["aurora"].addresses = addresses(0, 3);
    (void)scene.apply();
    const Findings known = [&](const std::string& name) { return name == "cache" ? &scene.found["cache"] : nullptr; };
    const auto memories = memories_of(scene.observed, known);
    REQUIRE(memories.size() == 1);
    const auto& aurora = memories.at("aurora");
    CHECK(aurora.addresses == addresses(0, 3));
    CHECK(aurora.owners == scene.found["aurora"].owners);
    CHECK(aurora.origins.empty());
    CHECK(aurora.date == kNow + std::chrono::hours(1));
}

TEST_CASE("a slice of a node that speaks of a resource counts for nothing, and isn't touched") {
    Scene scene;
    scene.put_resource("aurora");
    scene.observed.slices.put(
        value({{"metadata", {{"name", "node-a-00000001"}}},
               {"spec", {{"node", "node-a"}, {"awsResource", "aurora"}, {"addresses", {"10.9.0.1"}}}}}));
    CHECK(scene.apply() == Done{});
    CHECK(scene.cluster.resources().at("aurora").found.empty());
}

TEST_CASE("Resolved tells what isn't answered, and who has only begun to ask takes nothing back") {
    auto of = finding(addresses(0, 2));
    CHECK(resolved(of).status == "True");
    CHECK(resolved(of).message == "2 addresses found");
    of.troubles = {{"Throttled", "securityGroups sg-1: too often"}, {"NameNotResolved", "db: NXDOMAIN"}};
    CHECK(resolved(of).status == "False");
    CHECK(resolved(of).reason == "Throttled");
    CHECK(resolved(of).message == "2 addresses found\nsecurityGroups sg-1: too often\ndb: NXDOMAIN");

    const auto fresh = finding(addresses(0, 1), false);
    CHECK(resolved(fresh).status == "Unknown");
    Json before{{"conditions",
                 {{{"type", "Resolved"},
                   {"status", "True"},
                   {"observedGeneration", kGeneration},
                   {"reason", "Resolved"},
                   {"message", "all is well"}}}}};
    CHECK(resolved(fresh, before).status == "True");
    CHECK(resolved(fresh, before).message == "all is well");
    // Who doesn't lead doesn't know, and one that names nothing to look up has no such condition.
    CHECK(resolved_of({}, {}, "aurora", kGeneration, before).at(0).message == "all is well");
    CHECK(resolved_of({}, {}, "aurora", kGeneration, Json::object()).empty());
    CHECK(resolved_of([](const auto&) { return nullptr; }, {}, "aurora", kGeneration, before).empty());
    // What is named now nobody has asked for yet, whatever was said of what was named before.
    before["conditions"][0]["observedGeneration"] = kGeneration - 1;
    CHECK(resolved(fresh, before).status == "Unknown");
}

TEST_CASE("a node's instance is known by its provider's id") {
    Observed observed;
    const auto instance = [&](const std::string& id) {
        observed.nodes.put(value({{"metadata", {{"name", "a"}}}, {"spec", {{"providerID", id}}}}));
        return observed.nodes.find("a")->instance;
    };
    CHECK(instance("aws:///eu-central-1a/i-0123456789abcdef0") == "i-0123456789abcdef0");
    CHECK(instance("aws:///us-west-2b/pod-identifier/fargate-ip-10-0-0-1").empty());
    CHECK(instance("kind://docker/kind/node").empty());
    CHECK(instance("").empty());
}
