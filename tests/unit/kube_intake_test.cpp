// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "source/kube/intake.h"
#include "source/reader.h"

using namespace bulkhead;
using source::Value;
using source::kube::Intake;

namespace {

Value document(const std::string& yaml) {
    Value result;
    REQUIRE(source::read_yaml(yaml, [&](Value value) { result = std::move(value); }));
    return result;
}

Value tenant(const std::string& name, const std::string& spec) {
    return document("{apiVersion: bulkhead.dev/v1alpha1, kind: Tenant, metadata: {name: " + name + "}, spec: " + spec +
                    "}");
}

Value pod(const std::string& name, const std::string& ip) {
    return document("{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: " + name +
                    "}, spec: {nodeName: node-a}, status: {podIPs: [{ip: " + ip + "}]}}");
}

struct Fixture {
    explicit Fixture(const std::string& kind) : intake(kind, "https://server", pool) { intake.release(cluster); }

    std::vector<state::Problem> problems() const {
        std::vector<state::Problem> all;
        intake.add_problems(all);
        return all;
    }
    std::vector<state::Problem> first_problems() const {
        std::vector<state::Problem> all;
        intake.add_first_problems(all);
        return all;
    }
    std::vector<std::string> unheard() const {
        std::vector<std::string> all;
        intake.add_unheard(all);
        return all;
    }

    state::Pool pool;
    state::Cluster cluster;
    Intake intake;
};

Value grant(const std::string& ns, int number, const std::string& spec) {
    return document("{apiVersion: bulkhead.dev/v1alpha1, kind: AccessGrant, metadata: {namespace: " + ns + ", name: g" +
                    std::to_string(number) + "}, spec: " + spec + "}");
}

} // namespace

TEST_CASE("one namespace's many wrong objects are a few lines, of others each is told, and all can be had") {
    Fixture f("AccessGrant");
    for (int i = 0; i < 1234; ++i)
        f.intake.put(grant("shop", i, "{from: []}"));
    f.intake.put(grant("shop-b", 0, "{from: []}"));
    f.intake.put(grant("bank", 0, "{from: []}"));
    CHECK(f.problems().size() == 1236);
    const auto first = f.first_problems();
    REQUIRE(first.size() == 13);
    const auto of = [&](const std::string& object) {
        return std::ranges::count_if(first, [&](const auto& one) { return one.object.starts_with(object); });
    };
    CHECK(of("AccessGrant shop/") == 10);
    CHECK(of("AccessGrant shop-b/") == 1);
    CHECK(of("AccessGrant bank/") == 1);
    const auto rest = std::ranges::find(first, "Namespace shop", &state::Problem::object);
    REQUIRE(rest != first.end());
    CHECK(rest->text == "has at least 1000 more problems in its AccessGrants; these are the first");
    for (int i = 10; i < 1234; ++i)
        f.intake.remove(grant("shop", i, "{}"));
    CHECK(f.first_problems().size() == 12);
}

TEST_CASE("of the platform's own objects each is told") {
    Fixture f("Tenant");
    for (int i = 0; i < 30; ++i)
        f.intake.put(tenant("t" + std::to_string(i), "{level: secret}"));
    CHECK(f.first_problems().size() == 30);
}

TEST_CASE("what changes no problem says so") {
    Fixture f("AccessGrant");
    CHECK(f.intake.take_changed()); // nobody has looked yet
    f.intake.put(grant("shop", 1, "{from: [{world: true}]}"));
    CHECK_FALSE(f.intake.take_changed());
    f.intake.put(grant("shop", 1, "{from: []}"));
    CHECK(f.intake.take_changed());
    f.intake.put(grant("shop", 1, "{from: []}"));
    CHECK_FALSE(f.intake.take_changed());
    f.intake.put(grant("shop", 1, "{from: [{nobody: true}]}"));
    CHECK(f.intake.take_changed());
    f.intake.remove(grant("shop", 1, "{}"));
    CHECK(f.intake.take_changed());
    f.intake.remove(grant("shop", 1, "{}"));
    CHECK_FALSE(f.intake.take_changed());
}

TEST_CASE("what a later list no longer has is gone when that list is complete, and not before") {
    Fixture f("Pod");
    f.intake.begin_list();
    f.intake.put(pod("web-0", "10.0.0.1"));
    f.intake.put(pod("web-1", "10.0.0.2"));
    f.intake.end_list();
    CHECK(f.cluster.pods().size() == 2);

    f.intake.begin_list();
    f.intake.put(pod("web-1", "10.0.0.2"));
    CHECK(f.cluster.pods().size() == 2);
    f.intake.begin_list(); // the one before broke off
    f.intake.put(pod("web-0", "10.0.0.1"));
    f.intake.end_list();
    CHECK(f.cluster.pods().size() == 1);
    CHECK(f.cluster.pods().contains("shop/web-0"));
}

TEST_CASE("until it is released everything waits, and what was withdrawn or mended meanwhile is so") {
    state::Pool pool;
    state::Cluster cluster;
    Intake intake("Tenant", "https://server", pool);
    intake.put(tenant("bank", "{level: protected}"));
    intake.put(tenant("bank", "{level: strict}")); // has a good content
    intake.put(tenant("shop", "{level: strict}")); // has none
    intake.put(tenant("gone", "{level: protected}"));
    intake.remove(tenant("gone", "{}"));
    CHECK(cluster.tenants().empty());
    std::vector<std::string> unheard;
    intake.add_unheard(unheard);
    CHECK(unheard == std::vector<std::string>{"Tenant shop"});
    intake.release(cluster);
    REQUIRE(cluster.tenants().size() == 1);
    CHECK(cluster.tenants().at("bank").level == state::Level::kProtected);
    intake.put(tenant("late", "{}"));
    CHECK(cluster.tenants().size() == 2);
}

TEST_CASE("a list that says what is known already changes nothing") {
    Fixture f("Pod");
    f.intake.begin_list();
    f.intake.put(pod("web-0", "10.0.0.1"));
    f.intake.end_list();
    f.cluster.take_changes();
    f.intake.begin_list();
    f.intake.put(pod("web-0", "10.0.0.1"));
    f.intake.end_list();
    CHECK_FALSE(f.cluster.dirty());
}

TEST_CASE("an object that becomes invalid keeps its last good content, and mends") {
    Fixture f("Tenant");
    f.intake.put(tenant("bank", "{level: protected}"));
    f.intake.put(tenant("bank", "{level: strict}"));
    CHECK(f.cluster.tenants().at("bank").level == state::Level::kProtected);
    REQUIRE(f.problems().size() == 1);
    const auto problem = f.problems().front();
    CHECK(problem.origin == "https://server");
    CHECK(problem.object == "Tenant bank");
    CHECK(problem.field == "spec.level");
    CHECK(problem.text.find("last good content stays in force") != std::string::npos);
    CHECK(f.unheard().empty());

    f.intake.put(tenant("bank", "{level: non-protected}"));
    CHECK(f.cluster.tenants().at("bank").level == state::Level::kNonProtected);
    CHECK(f.problems().empty());
}

TEST_CASE("an object that was never valid is unheard until it is valid or gone") {
    Fixture f("Tenant");
    f.intake.put(tenant("bank", "{level: strict}"));
    CHECK(f.unheard() == std::vector<std::string>{"Tenant bank"});
    f.intake.put(tenant("bank", "{level: protected}"));
    CHECK(f.unheard().empty());
    f.intake.put(tenant("shop", "{levle: protected}"));
    CHECK(f.unheard() == std::vector<std::string>{"Tenant shop"});
    f.intake.remove(tenant("shop", "{}"));
    CHECK(f.unheard().empty());
    CHECK(f.problems().empty());
}

TEST_CASE("what a tenant wrote wrong holds up nobody else") {
    Fixture f("AccessGrant");
    f.intake.put(document("{apiVersion: bulkhead.dev/v1alpha1, kind: AccessGrant, "
                          "metadata: {name: all, namespace: shop}, spec: {from: []}}"));
    CHECK(f.unheard().empty());
    CHECK(f.problems().size() == 1);
}

TEST_CASE("a deleted object is gone, and with it what was wrong with it") {
    Fixture f("Tenant");
    f.intake.put(tenant("bank", "{level: protected}"));
    f.intake.put(tenant("bank", "{level: strict}"));
    f.intake.remove(tenant("bank", "{}"));
    CHECK(f.cluster.tenants().empty());
    CHECK(f.problems().empty());
}
