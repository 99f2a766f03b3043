// SPDX-License-Identifier: Apache-2.0
//
// What validate says of manifests before they apply: whatever the agent would report of them.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "bulkheadctl/validate.h"
#include "source_fixture.h"

using namespace bulkhead;
using namespace bulkhead::ctl;

namespace {

/// A directory of manifests, and what is said of it.
struct Manifests {
    source::TemporaryDirectory directory;

    Manifests& write(const std::string& file, const std::string& text) {
        directory.write(file, text);
        return *this;
    }
    Validation validate() const { return ctl::validate({directory.path().string()}); }
    std::string at(const std::string& file, const std::string& rest) const {
        return directory.at(file).string() + rest;
    }
};

std::string ns(const std::string& name, const std::string& labels = "") {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {" + labels + "}}\n";
}

std::string ours(const std::string& kind, const std::string& metadata, const std::string& spec) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: " + kind + "\nmetadata: {" + metadata + "}\nspec: {" + spec +
           "}\n";
}

std::string tenant(const std::string& name, const std::string& spec) {
    return ours("Tenant", "name: " + name, spec);
}

void check_problems(const Validation& validation, const std::vector<std::string>& lines) {
    INFO(source::all_of(validation.problems) << source::all_of(validation.notes));
    CHECK(validation.problems.size() == lines.size());
    for (const auto& line : lines) {
        INFO(line);
        CHECK(source::has_problem(validation.problems, line));
    }
}

} // namespace

TEST_CASE("validate tells of labels that make no sense, with file and line") {
    Manifests manifests;
    manifests.write("ns.yaml", ns("web", "bulkhead.dev/level: protectd, bulkhead.dev/mode: loud, "
                                         "bulkhead.dev/tenant: 'Bad Tenant!'"));
    const auto at = manifests.at("ns.yaml", ":1 Namespace web metadata.labels[bulkhead.dev/");
    check_problems(manifests.validate(), {at + "level]: \"protectd\"", at + "mode]: \"loud\"",
                                          at + "tenant]: \"Bad Tenant!\" is not a tenant's name"});
}

TEST_CASE("validate tells of the bad words of an annotation, with or without the pod's namespace") {
    Manifests manifests;
    manifests.write("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: api, namespace: web, annotations: "
                                "{bulkhead.dev/expose: '99999, foo/BAR, http, 80'}}\n");
    const auto at = manifests.at("pod.yaml", ":1 Pod web/api metadata.annotations[bulkhead.dev/expose]: \"");
    const std::vector<std::string> expected{at + "99999\"", at + "foo/BAR\"", at + "http\""};
    check_problems(manifests.validate(), expected);
    check_problems(manifests.write("ns.yaml", ns("web", "bulkhead.dev/level: protected")).validate(), expected);
}

TEST_CASE("validate tells of a namespace that two Tenants claim") {
    Manifests manifests;
    manifests.write("a.yaml", tenant("a", "namespaces: [web]")).write("b.yaml", tenant("b", "namespaces: [web]"));
    const std::vector<std::string> expected{
        manifests.at("b.yaml", ":1 Tenant b spec.namespaces[0]: claims namespace web too")};
    check_problems(manifests.validate(), expected);
    check_problems(manifests.write("ns.yaml", ns("web")).validate(), expected);
}

TEST_CASE("what is wrong with a file and what is wrong among the objects is told together") {
    Manifests manifests;
    manifests.write("a.yaml", tenant("a", "namespaces: [web]") + "---\n" + tenant("c", "leevel: protected"));
    manifests.write("ns.yaml", ns("web", "bulkhead.dev/tenant: b"));
    check_problems(manifests.validate(),
                   {manifests.at("a.yaml", ":9 Tenant c spec.leevel: is an unknown field"),
                    manifests.at("ns.yaml", ":1 Namespace web metadata.labels[bulkhead.dev/tenant]: says \"b\"")});
}

TEST_CASE("names of objects that aren't among the files are notes: whoever checks one file has no others") {
    Manifests manifests;
    manifests.write("tenant.yaml", tenant("a", "allowFrom: [{from: [{tenant: b}, {namespace: c}, {awsResource: d}]}]"));
    manifests.write("grant.yaml", ours("AccessGrant", "name: g, namespace: e", "from: [{world: true}]"));
    manifests.write("aws.yaml", ours("AWSResource", "name: r", "tenant: f, addresses: {cidrs: [10.0.0.0/24]}"));
    const auto validation = manifests.validate();
    check_problems(validation, {});
    INFO(source::all_of(validation.notes));
    CHECK(validation.objects == 3);
    CHECK(validation.notes.size() == 5);
    CHECK(source::has_problem(validation.notes,
                              manifests.at("tenant.yaml", ":1 Tenant a spec.allowFrom[0].from[0].tenant: ")));
    const auto text = validation_text(to_json(validation), 200);
    CHECK(text.find("note: among these files there is no tenant b") != std::string::npos);
    CHECK(text.ends_with("3 objects, 0 problems, 5 notes\n"));
}

TEST_CASE("namespaces of a Tenant that aren't among the files are notes") {
    Manifests manifests;
    manifests.write("tenant.yaml", tenant("a", "namespaces: [web], namespaceSelector: {matchLabels: {team: red}}"));
    const auto validation = manifests.validate();
    check_problems(validation, {});
    const auto text = validation_text(to_json(validation), 200);
    CHECK(text.find("note: among these files there is no namespace web") != std::string::npos);
    CHECK(text.find("note: among these files it selects no namespace") != std::string::npos);
}

TEST_CASE("each of the examples is without a problem or a note") {
    size_t examples = 0;
    for (const auto& example : std::filesystem::directory_iterator(BULKHEAD_EXAMPLES)) {
        if (!example.is_directory()) continue;
        ++examples;
        const auto validation = ctl::validate({example.path()});
        INFO(example.path().filename() << source::all_of(validation.problems) << source::all_of(validation.notes));
        CHECK(validation.objects > 10);
        CHECK(validation.problems.empty());
        CHECK(validation.notes.empty());
    }
    CHECK(examples == 4);
}
