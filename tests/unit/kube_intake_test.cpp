// SPDX-License-Identifier: Apache-2.0
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
    std::vector<std::string> unheard() const {
        std::vector<std::string> all;
        intake.add_unheard(all);
        return all;
    }

    state::Pool pool;
    state::Cluster cluster;
    Intake intake;
};

} // namespace

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
