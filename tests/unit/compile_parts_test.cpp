// SPDX-License-Identifier: Apache-2.0
//
// AWSResources whose addresses belong to whom tags of AWS say (spec.tenantFrom, spec.levelFrom).
#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr auto kApi = "10.0.2.1";   // of payments
constexpr auto kWeb = "10.0.1.1";   // of blog
constexpr auto kBatch = "10.0.3.1"; // of nobody's namespace

/// One of an AWSResource's slices: addresses that have these tags.
state::IdentitySlice tagged(int number, const state::OwnerTags& owner, const std::vector<std::string>& cidrs,
                            const std::string& of = "databases") {
    auto slice = named<state::IdentitySlice>("resource-" + of + "-" + std::to_string(number));
    slice.resource = of;
    for (const auto& text : cidrs) {
        slice.addresses.push_back(cidr(text));
        if (!owner.empty()) slice.owners[cidr(text)].insert(owner);
    }
    return slice;
}

state::AwsResource by_tags(const std::string& tenant_tag = "team", const std::string& level_tag = "level") {
    auto object = resource("databases", {});
    object.look_ups.resource_tags = {{"team", "*"}};
    object.tenant_tag = tenant_tag;
    object.level_tag = level_tag;
    return object;
}

World with_databases(const state::AwsResource& databases = by_tags()) {
    World world;
    world.protect("payments").ns("blog").ns("batch");
    world.put(tenant("payments", {"payments"})).put(tenant("blog", {"blog"}));
    world.pod("payments/api", {kApi}).pod("blog/web", {kWeb}).pod("batch/job", {kBatch});
    return std::move(world.put(databases));
}

/// Who reaches it, as "payments", "blog", "batch".
std::set<std::string> reaching(World& world, const std::string& database) {
    std::set<std::string> who;
    for (const auto& [name, pod] :
         std::map<std::string, std::string>{{"payments", kApi}, {"blog", kWeb}, {"batch", kBatch}})
        if (const auto line = world.ask(pod, database, 5432);
            line == BH_REASON_SAME_TENANT || line == BH_REASON_OPEN || line == BH_REASON_GRANTED)
            who.insert(name);
    return who;
}

using Who = std::set<std::string>;
const Who kAll{"payments", "blog", "batch"};

} // namespace

TEST_CASE("what a tag says of an address of a resource decides who reaches it") {
    struct Row {
        std::string what;
        std::set<state::OwnerTags> tags;
        Who reach;
        std::string problem{};
    };
    const std::vector<Row> rows{
        {"a Tenant's name", {{"payments", ""}}, {"payments"}},
        {"another's", {{"blog", ""}}, {"blog"}},
        {"no tag", {}, {}},
        {"a name that no Tenant has",
         {{"paymnts", ""}},
         {},
         "names no Tenant, so that these are nobody's and protected: \"paymnts\" of 10.9.0.5"},
        {"the same in capitals", {{"Payments", ""}}, {}, "\"Payments\" of 10.9.0.5"},
        {"a namespace of no Tenant", {{"batch", ""}}, {}, "\"batch\" of 10.9.0.5"},
        {"a tenant of another source", {{"ns/batch", ""}}, {}, "\"ns/batch\" of 10.9.0.5"},
        {"a Tenant that lets everybody in", {{"payments", "non-protected"}}, kAll},
        {"a Tenant and protected", {{"payments", "protected"}}, {"payments"}},
        {"a level alone", {{"", "non-protected"}}, kAll},
        {"a level that is none",
         {{"payments", "open"}},
         {"payments"},
         "neither protected nor non-protected, so that these are protected: \"open\" of 10.9.0.5"},
        {"nobody's level in capitals", {{"", "Non-Protected"}}, {}, "\"Non-Protected\" of 10.9.0.5"},
        {"a name that no Tenant has, and open", {{"paymnts", "non-protected"}}, {}, "\"paymnts\" of 10.9.0.5"},
        {"two Tenants",
         {{"payments", ""}, {"blog", ""}},
         {},
         "says several tenants, so that these are nobody's and protected: \"blog\" and \"payments\" of 10.9.0.5"},
        {"two Tenants, both open",
         {{"payments", "non-protected"}, {"blog", "non-protected"}},
         {},
         "says several tenants"},
        {"a Tenant and one that is none", {{"payments", ""}, {"x", ""}}, {}, "says several tenants"},
        {"a Tenant, of one of two things", {{"payments", ""}, {"", "protected"}}, {"payments"}},
        {"two levels", {{"payments", "protected"}, {"payments", "non-protected"}}, {"payments"}},
        {"open, and one that doesn't say", {{"payments", "non-protected"}, {"payments", ""}}, kAll},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        auto world = with_databases();
        int number = 0;
        for (const auto& owner : row.tags)
            world.put(tagged(number++, owner, {"10.9.0.5"}));
        if (row.tags.empty()) world.put(tagged(0, {}, {"10.9.0.5"}));
        CHECK(reaching(world, "10.9.0.5") == row.reach);
        CHECK(reaching(world, "10.9.0.6") == kAll); // one bit of address
        if (row.problem.empty())
            CHECK_FALSE(world.has_problem("AWSResource databases", "tag"));
        else
            CHECK(world.has_problem("AWSResource databases", row.problem));
    }
}

TEST_CASE("each database of one resource is its own tenant's, and is called by the resource's name") {
    auto world = with_databases();
    world.put(tagged(0, {"payments", ""}, {"10.9.0.5", "fd00:9::5"})).put(tagged(1, {"blog", ""}, {"10.9.0.6"}));
    CHECK(reaching(world, "10.9.0.5") == Who{"payments"});
    CHECK(reaching(world, "10.9.0.6") == Who{"blog"});
    CHECK(world.desired().endpoints.at(address("10.9.0.5")).owner == "AWSResource databases");
    CHECK(world.desired().names.at(world.id("10.9.0.5")).tenant == "payments");
    CHECK(world.desired().names.at(world.id("10.9.0.5")).what == "AWSResource databases");
    CHECK(world.id("10.9.0.5") == world.id("fd00:9::5"));
    CHECK(world.id("10.9.0.5") != world.id("10.9.0.6"));
    const auto& sources = world.desired().sources;
    CHECK(sources.at("AWSResource databases/payments").tenant ==
          "AWSResource databases spec.tenantFrom (the tag team)");
    CHECK(sources.at("AWSResource databases/blog").level == "AWSResource databases spec.levelFrom (the tag level)");
}

TEST_CASE("a Tenant that comes or goes takes along what is tagged with its name, and it is protected meanwhile") {
    auto world = with_databases();
    world.put(tagged(0, {"batch", ""}, {"10.9.0.5"}));
    CHECK(reaching(world, "10.9.0.5").empty());
    world.put(tenant("batch", {"batch"}));
    CHECK(reaching(world, "10.9.0.5") == Who{"batch"});
    CHECK_FALSE(world.has_problem("AWSResource databases", "names no Tenant"));
    world.cluster.remove({.kind = "Tenant", .ns = "", .name = "batch"});
    CHECK(reaching(world, "10.9.0.5").empty());
}

TEST_CASE("while a changed tag is in two slices its address is nobody's, and never open") {
    auto world = with_databases();
    world.put(tagged(0, {"payments", "non-protected"}, {"10.9.0.5"}));
    CHECK(reaching(world, "10.9.0.5") == kAll);
    world.put(tagged(1, {"blog", "protected"}, {"10.9.0.5"}));
    CHECK(reaching(world, "10.9.0.5").empty());
    world.cluster.remove({.kind = "IdentitySlice", .ns = "", .name = "resource-databases-0"});
    CHECK(reaching(world, "10.9.0.5") == Who{"blog"});
}

TEST_CASE("grants of the resource, and those that name it as a peer, mean all of it, whosever each address is") {
    auto databases = by_tags();
    databases.ports = {{.protocol = BH_TCP, .first = 5432, .last = 5432, .name = {}}};
    databases.allow_from = {grant({from_tenant("payments")})};
    auto world = with_databases(databases);
    auto payments = tenant("payments", {"payments"});
    payments.allow_from = {grant({state::ResourcePeer{"databases"}})};
    world.put(payments);
    world.put(tagged(0, {"payments", ""}, {"10.9.0.5"})).put(tagged(1, {"blog", ""}, {"10.9.0.6"}));
    CHECK(world.ask(kApi, "10.9.0.6", 5432) == BH_REASON_GRANTED);
    CHECK(world.ask(kBatch, "10.9.0.6", 5432) == BH_REASON_NOT_GRANTED);
    CHECK(world.ask(kBatch, "10.9.0.6", 5433) == BH_REASON_OPEN);
    CHECK(world.ask("10.9.0.6", kApi) == BH_REASON_GRANTED);
    CHECK(world.ask("10.9.0.5", kApi) == BH_REASON_SAME_TENANT);
    CHECK(world.ask("10.9.0.7", kApi) == BH_REASON_NOT_GRANTED);
}

TEST_CASE("what has no tag is as the network around it that the resource was found to have, and of level otherwise") {
    auto databases = by_tags();
    databases.level = state::Level::kNonProtected;
    auto world = with_databases(databases);
    world.put(tagged(0, {"payments", "protected"}, {"10.9.0.0/24", "fd00:9::/64"}))
        .put(tagged(1, {}, {"10.9.0.5", "10.9.1.5", "fd00:9::5", "fd00:8::5"}))
        .put(tagged(2, {"blog", ""}, {"10.9.0.6"}))
        .put(tagged(3, {"", "non-protected"}, {"10.9.0.7"}))
        .put(tagged(4, {"paymnts", ""}, {"10.9.0.128/25"}))
        .put(tagged(5, {}, {"10.9.0.129"}));
    CHECK(reaching(world, "10.9.0.99") == Who{"payments"});
    CHECK(reaching(world, "10.9.0.5") == Who{"payments"});
    CHECK(reaching(world, "10.9.0.6") == Who{"blog"});
    CHECK(reaching(world, "10.9.0.7") == kAll);
    CHECK(reaching(world, "10.9.0.129").empty());
    CHECK(reaching(world, "10.9.1.5") == kAll);
    for (const auto& [database, tenant] : {std::pair{"fd00:9::5", "payments"}, {"fd00:8::5", ""}})
        CHECK(world.desired().names.at(world.id(database)).tenant == tenant);
}

TEST_CASE("levels by tag go with the resource's own tenant, which no tag changes") {
    auto databases = by_tags("");
    databases.tenant = "payments";
    databases.cidrs = {cidr("10.9.2.1")};
    auto world = with_databases(databases);
    world.put(tagged(0, {"", "non-protected"}, {"10.9.0.5"})).put(tagged(1, {"blog", "protected"}, {"10.9.0.6"}));
    CHECK(reaching(world, "10.9.0.5") == kAll);
    CHECK(reaching(world, "10.9.0.6") == Who{"payments"});
    CHECK(reaching(world, "10.9.2.1") == Who{"payments"});
}

TEST_CASE("tags that nobody asks for mean nothing") {
    auto plain = resource("databases", {}, "payments");
    plain.look_ups.subnets = {"subnet-0123abcd"};
    auto world = with_databases(plain);
    world.put(tagged(0, {"blog", "non-protected"}, {"10.9.0.5"}));
    CHECK(reaching(world, "10.9.0.5") == Who{"payments"});
    CHECK_FALSE(world.has_problem("AWSResource databases", "tag"));
}

TEST_CASE("a level by tag ends with levelFrom, whatever AWS says of the tag meanwhile") {
    auto world = with_databases();
    world.put(tagged(0, {"payments", "non-protected"}, {"10.9.0.5"}));
    CHECK(reaching(world, "10.9.0.5") == kAll);
    world.put(by_tags("team", ""));
    CHECK(reaching(world, "10.9.0.5") == Who{"payments"});
    world.put(tagged(0, {"payments", "no level"}, {"10.9.0.5"}));
    CHECK_FALSE(world.has_problem("AWSResource databases", "levelFrom"));
}

TEST_CASE("no tag takes an address from the tenant that another object names for it") {
    auto world = with_databases();
    world.put(tagged(0, {"blog", ""}, {"10.9.0.5", "10.9.0.6"}));
    CHECK(reaching(world, "10.9.0.5") == Who{"blog"});
    world.put(resource("payments-db", {"10.9.0.5"}, "payments")); // comes after it in the alphabet
    CHECK(reaching(world, "10.9.0.5") == Who{"payments"});
    CHECK(reaching(world, "10.9.0.6") == Who{"blog"});
}

TEST_CASE("a part's mode is the stricter of the resource's and of its own tenant's") {
    auto databases = by_tags();
    databases.mode = state::Mode::kAudit;
    auto world = with_databases(databases);
    auto payments = tenant("payments", {"payments"});
    payments.mode = state::Mode::kEnforce;
    auto blog = tenant("blog", {"blog"});
    blog.mode = state::Mode::kAudit;
    world.put(payments).put(blog);
    world.put(tagged(0, {"payments", ""}, {"10.9.0.5"})).put(tagged(1, {"blog", ""}, {"10.9.0.6"}));
    CHECK((world.identity("10.9.0.5").flags & BH_AUDIT) == 0);
    CHECK((world.identity("10.9.0.6").flags & BH_AUDIT) != 0);
}

TEST_CASE("where not all pods are known, a tenant's pods reach its part of a network and no other part") {
    auto world = with_databases();
    world.cluster.set_all_pods_known(false);
    world.put(tagged(0, {"payments", ""}, {"10.9.0.0/24"})).put(tagged(1, {"blog", ""}, {"10.9.1.0/24"}));
    CHECK(reaching(world, "10.9.0.5") == Who{"payments"});
    CHECK(reaching(world, "10.9.1.5") == Who{"blog"});
    CHECK(world.ask("10.9.0.5", kApi) == BH_REASON_NOT_GRANTED); // who sends from there may be a pod
}

TEST_CASE("of many values that are amiss some are named, and all are counted") {
    auto world = with_databases();
    for (int i = 0; i < 9; ++i) {
        const auto first = "10.9." + std::to_string(i) + ".1";
        world.put(tagged(i, {"x" + std::to_string(i), ""}, {first, "10.9." + std::to_string(i) + ".2"}));
    }
    CHECK(world.has_problem("AWSResource databases spec.tenantFrom", "\"x0\" of 10.9.0.1 and 1 more, \"x1\" of"));
    CHECK(
        world.has_problem("AWSResource databases spec.tenantFrom", "\"x4\" of 10.9.4.1 and 1 more, and 4 more values"));
    CHECK_FALSE(world.has_problem("AWSResource databases", "\"x5\""));
}
