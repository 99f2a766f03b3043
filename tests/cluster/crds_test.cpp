// SPDX-License-Identifier: Apache-2.0
//
// Our CRDs before a real API server: accepted, explained, complete, and strict. What they say is refused, the decoders
// refuse too (tests/unit/crds_objects_test.cpp), so a server without rules lets nothing past the agents.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>

#include "refusals.h"
#include "source/decode.h"
#include "source/list.h"
#include "source/reader.h"

namespace bulkhead::test {
namespace {

constexpr std::array kKinds{"tenant", "accessgrant", "awsresource", "override", "identityslice"};

bool is_true(const Json& conditions, const std::string& type) {
    return std::any_of(conditions.begin(), conditions.end(), [&](const Json& condition) {
        return condition.at("type") == type && condition.at("status") == "True";
    });
}

Json conditions_of(const ApiServer& server, const std::string& crd) {
    return object(server, {"crd", crd}).value("/status/conditions"_json_pointer, Json::array());
}

/// Ready for objects.
ApiServer with_crds() {
    auto server = started();
    kubectl(server, {"apply", "-k", BULKHEAD_MANIFESTS "/crds"});
    for (const std::string kind : kKinds) {
        const auto crd = kind + "s.bulkhead.dev";
        CHECK(wait_until([&] { return is_true(conditions_of(server, crd), "Established"); }, after(30s), 100ms));
    }
    kubectl(server, {"create", "namespace", "payments"});
    return server;
}

TEST_CASE("the API server takes the CRDs, and finds nothing amiss in them") {
    const ApiServer server = with_crds();
    for (const std::string kind : kKinds) {
        const auto crd = object(server, {"crd", kind + "s.bulkhead.dev"});
        INFO(crd.at("status").dump(2));
        CHECK(is_true(crd.at("status").at("conditions"), "NamesAccepted"));
        CHECK(is_true(crd.at("status").at("conditions"), "Established"));
        CHECK_FALSE(is_true(crd.at("status").at("conditions"), "NonStructuralSchema"));
        const std::string short_name = crd.at("spec").at("names").at("shortNames").at(0);
        const auto is_served = [&] { return server.kubectl({"get", short_name, "-A"}).status == 0; };
        CHECK(wait_until(is_served, after(30s), 200ms)); // discovery follows
    }
    kubectl(server, {"apply", "-k", BULKHEAD_MANIFESTS "/crds"}); // once more, as upgrades do
}

/// Calls `use(path, schema)` for each property of a schema, at any depth.
void each_property(const Json& schema, const std::string& path,
                   const std::function<void(const std::string&, const Json&)>& use) {
    if (schema.contains("properties"))
        for (const auto& [name, property] : schema.at("properties").items()) {
            use(path + "." + name, property);
            each_property(property, path + "." + name, use);
        }
    for (const auto* inner : {"items", "additionalProperties"})
        if (schema.contains(inner)) each_property(schema.at(inner), path, use);
}

/// What kubectl explain reads.
Json published_schemas(const ApiServer& server) {
    Json definitions;
    const bool all = wait_until(
        [&] {
            definitions = Json::parse(kubectl(server, {"get", "--raw", "/openapi/v2"})).at("definitions");
            return definitions.contains("dev.bulkhead.v1alpha1.Tenant") &&
                   definitions.contains("dev.bulkhead.v1alpha1.AccessGrant") &&
                   definitions.contains("dev.bulkhead.v1alpha1.AWSResource") &&
                   definitions.contains("dev.bulkhead.v1alpha1.IdentitySlice");
        },
        after(60s), 200ms);
    REQUIRE(all);
    return definitions;
}

TEST_CASE("kubectl explains every field") {
    const ApiServer server = with_crds();
    const auto definitions = published_schemas(server);
    for (const std::string kind : {"Tenant", "AccessGrant", "AWSResource", "Override", "IdentitySlice"}) {
        size_t properties = 0;
        each_property(definitions.at("dev.bulkhead.v1alpha1." + kind), kind,
                      [&](const std::string& path, const Json& schema) {
                          ++properties;
                          INFO(path);
                          CHECK_FALSE(schema.value("description", "").empty());
                      });
        CHECK(properties > 15);
    }
    const auto port = kubectl(server, {"explain", "tenant.spec.allowFrom.ports.port"});
    CHECK(port.find("the name of a container") != std::string::npos);
    const auto all = kubectl(server, {"explain", "tenant.spec", "--recursive"});
    for (const auto* field : {"allowFrom", "namespaceSelector", "matchExpressions", "serviceAccount", "sourceCheck"})
        CHECK(all.find(field) != std::string::npos);
}

Json json_of(const source::Value& value) {
    if (const auto* truth = value.boolean()) return *truth;
    if (const auto* number = value.integer()) return *number;
    if (const auto* text = value.string()) return *text;
    if (const auto* items = value.array()) {
        Json array = Json::array();
        for (const auto& item : *items)
            array.push_back(json_of(item));
        return array;
    }
    if (value.object() == nullptr) return nullptr;
    Json members = Json::object();
    for (const auto& member : *value.object())
        members[member.key] = json_of(member.value);
    return members;
}

source::Decoded decode_json(std::string text) {
    source::Decoded decoded;
    state::Pool pool;
    text.reserve(text.size() + source::kJsonPadding);
    REQUIRE(
        source::read_json(text, [&](const source::Value& value) { decoded = source::decode(value, "test", pool); }));
    return decoded;
}

/// Without what an API server adds and what tells where it was read.
state::Object decoded(const Json& json) {
    auto read = decode_json(json.dump());
    for (const auto& error : read.complaints.errors)
        UNSCOPED_INFO(error.field + ": " + error.text);
    REQUIRE(read.object.has_value());
    std::visit(
        [](auto& object) {
            if constexpr (requires { object.meta; }) {
                object.meta.origin.clear();
                object.meta.created.reset();
            }
        },
        *read.object);
    return *read.object;
}

bool is_same(const state::Object& a, const state::Object& b) {
    if (const auto* slice = std::get_if<state::IdentitySlice>(&a)) {
        const auto* other = std::get_if<state::IdentitySlice>(&b);
        return other != nullptr && slice->meta == other->meta && slice->pods == other->pods;
    }
    if (const auto* tenant = std::get_if<state::Tenant>(&a)) return *tenant == std::get<state::Tenant>(b);
    if (const auto* grant = std::get_if<state::AccessGrant>(&a)) return *grant == std::get<state::AccessGrant>(b);
    if (const auto* lifted = std::get_if<state::Override>(&a)) return *lifted == std::get<state::Override>(b);
    return std::get<state::AwsResource>(a) == std::get<state::AwsResource>(b);
}

/// Everything of `part` is in `whole`, which may have more members.
bool is_within(const Json& part, const Json& whole) {
    if (part.is_object())
        return whole.is_object() && std::all_of(part.items().begin(), part.items().end(), [&](const auto& member) {
                   return whole.contains(member.key()) && is_within(member.value(), whole.at(member.key()));
               });
    if (!part.is_array()) return part == whole;
    return whole.is_array() && std::equal(part.begin(), part.end(), whole.begin(), whole.end(), is_within);
}

/// Ours among the documents of some YAML.
std::vector<Json> ours_in(const std::string& yaml) {
    std::vector<Json> found;
    REQUIRE(source::read_yaml(yaml, [&](source::Value document) {
        source::deliver(std::move(document), [&](const source::Value& value) {
            auto json = json_of(value);
            if (json.at("apiVersion") == "bulkhead.dev/v1alpha1") found.push_back(std::move(json));
        });
    }));
    return found;
}

/// Those of manifests/examples, and those with every field.
std::vector<Json> many_objects() {
    std::vector<Json> found;
    const auto add = [&](const std::string& yaml) {
        for (auto& json : ours_in(yaml))
            found.push_back(std::move(json));
    };
    for (const auto& yaml : whole_objects())
        add(yaml);
    for (const auto& file : std::filesystem::recursive_directory_iterator(BULKHEAD_MANIFESTS "/examples")) {
        if (file.path().extension() != ".yaml") continue;
        std::ifstream stream(file.path());
        add({std::istreambuf_iterator<char>(stream), {}});
    }
    return found;
}

TEST_CASE("an object comes back from the API server as it was sent, with every field") {
    const ApiServer server = with_crds();
    const auto objects = many_objects();
    REQUIRE(objects.size() > 10);
    for (const auto& sent : objects) {
        const std::string kind = sent.at("kind"), name = sent.at("metadata").at("name");
        INFO(kind << " " << name);
        const std::string ns = sent.at("metadata").value("namespace", "payments");
        server.kubectl({"create", "namespace", ns});
        kubectl(server, {"apply", "-f", "-"}, sent.dump());
        const auto stored = object(server, {kind + ".bulkhead.dev", name, "-n", ns});
        INFO(sent.at("spec").dump() << "\n" << stored.at("spec").dump());
        CHECK(is_within(sent.at("spec"), stored.at("spec")));
        CHECK(is_same(decoded(sent), decoded(stored)));
    }
}

TEST_CASE("what the API server fills in changes no meaning") {
    const ApiServer server = with_crds();
    for (const std::string kind : {"Tenant", "AWSResource"}) {
        const std::string least = kind == "Tenant" ? "{}" : "{addresses: {instanceMetadata: true}}";
        const auto sent = ours_in(document_of(kind, "silent", least)).at(0);
        kubectl(server, {"apply", "-f", "-"}, sent.dump());
        const auto stored = object(server, {kind + ".bulkhead.dev", "silent"});
        INFO(stored.dump());
        CHECK(is_same(decoded(sent), decoded(stored)));
        CHECK_FALSE(stored.at("spec").contains("level"));
        CHECK_FALSE(stored.at("spec").contains("mode"));
    }
}

TEST_CASE("the schemas refuse what is wrong, say why, and take the near miss") {
    check_refused(with_crds(), Refuses::kSchema);
}

TEST_CASE("the rules refuse what is wrong, say why, and take the near miss") {
    const ApiServer server = with_crds();
    if (require(server.version()) < kFirstWithRules) SKIP("this API server knows no rules; those from 1.25 on do");
    check_refused(server, Refuses::kRules);
}

std::string path_of(const Json& object) {
    const auto& metadata = object.at("metadata");
    std::string kind = object.at("kind");
    std::ranges::transform(kind, kind.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const std::string place =
        metadata.contains("namespace") ? "/namespaces/" + metadata.at("namespace").get<std::string>() : "";
    return "/apis/bulkhead.dev/v1alpha1" + place + "/" + kind + "s/" + metadata.at("name").get<std::string>();
}

TEST_CASE("a condition shows in the list, and only the status sub-resource writes it") {
    const ApiServer server = with_crds();
    const std::string status =
        R"({"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True", "reason": "InForce",
            "message": "in force", "lastTransitionTime": "2026-11-27T12:00:00Z", "observedGeneration": 1}]})";
    for (const std::string kind : {"Tenant", "AccessGrant", "AWSResource", "Override"}) {
        auto sent = ours_in(document_of(kind, "judged", "{}")).at(0);
        if (kind == "AccessGrant") sent["spec"] = Json::parse(R"({"from": [{"world": true}]})");
        if (kind == "AWSResource") sent["spec"] = Json::parse(R"({"addresses": {"instanceMetadata": true}})");
        if (kind == "Override")
            sent["spec"] = Json::parse(R"({"all": true, "until": "2030-12-31T23:59:59Z", "reason": "a drill"})");
        sent["status"] = Json::parse(status);
        kubectl(server, {"apply", "-f", "-"}, sent.dump());
        auto stored = object(server, {kind + ".bulkhead.dev", "judged", "-n", "payments"});
        CHECK_FALSE(stored.contains("status"));
        stored["status"] = Json::parse(status);
        kubectl(server, {"replace", "--raw", path_of(stored) + "/status", "-f", "-"}, stored.dump());
        stored = object(server, {kind + ".bulkhead.dev", "judged", "-n", "payments"});
        CHECK(stored.at("status") == Json::parse(status));
    }
    const auto listed = kubectl(server, {"get", "bulkhead", "-A"});
    INFO(listed);
    CHECK(listed.find("READY") != std::string::npos);
    CHECK(listed.find("True") != std::string::npos);
    CHECK(kubectl(server, {"get", "bhtenant"}).find("CONFINED") != std::string::npos);
}

/// Who applies `spec` to a Tenant for which others may have a say.
ApiServer::Answer apply_as(const ApiServer& server, const std::string& who, const std::string& spec) {
    return server.kubectl({"apply", "--server-side", "--field-manager", who, "-f", "-"},
                          document_of("Tenant", "shared", spec));
}

TEST_CASE("two who apply parts of a tenant side by side merge no list") {
    const ApiServer server = with_crds();
    CHECK(apply_as(server, "one", "{level: protected, allowFrom: [{from: [{tenant: a}]}]}").status == 0);
    CHECK(apply_as(server, "two", "{mode: audit}").status == 0);
    const auto refused = apply_as(server, "two", "{mode: audit, allowFrom: [{from: [{tenant: b}]}]}");
    CHECK(refused.output.find("conflict with \"one\": .spec.allowFrom") != std::string::npos);
}

TEST_CASE("two who apply parts of a tenant side by side merge no selector") {
    const ApiServer server = with_crds();
    if (require(server.version()) < kFirstWithRules) SKIP("this API server merges selectors, whatever the schema says");
    CHECK(apply_as(server, "one", "{namespaceSelector: {matchLabels: {team: a}}}").status == 0);
    const auto refused = apply_as(server, "two", "{namespaceSelector: {matchLabels: {stage: b}}}");
    CHECK(refused.output.find("conflict with \"one\": .spec.namespaceSelector") != std::string::npos);
}

} // namespace
} // namespace bulkhead::test
