// SPDX-License-Identifier: Apache-2.0
//
// The CRDs beside the decoders: an API server drops what a schema doesn't name, without a word, so a field that only
// the decoders know would be a restriction that never arrives. The same holds the other way round: what only the
// schema knows, nobody obeys.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "source/decode.h"
#include "source/reader.h"
#include "source/text_file.h"
#include "support/crd_objects.h"

namespace bulkhead::source {
namespace {

constexpr auto kMadeUp = "madeUp";

std::string text_of(const std::string& path) {
    const auto file = read_text_file(path);
    REQUIRE(file.has_value());
    return file->text;
}

std::vector<Value> documents(const std::string& yaml) {
    std::vector<Value> found;
    REQUIRE(read_yaml(yaml, [&](Value document) { found.push_back(std::move(document)); }));
    return found;
}

const Value& at(const Value& value, std::initializer_list<std::string_view> path) {
    const Value* found = &value;
    for (const auto key : path) {
        found = found->find(key);
        INFO(key);
        REQUIRE(found != nullptr);
    }
    return *found;
}

struct Crd {
    std::string kind;
    Value schema; // of the whole object

    const Value& spec() const { return at(schema, {"properties", "spec"}); }
};

std::vector<Crd> crds() {
    std::vector<Crd> found;
    for (const std::string name : {"tenants", "accessgrants", "awsresources", "overrides", "identityslices"}) {
        const auto all = documents(text_of(BULKHEAD_CRDS "/" + name + ".yaml"));
        REQUIRE(all.size() == 1);
        const auto& spec = at(all[0], {"spec"});
        CHECK(*at(all[0], {"metadata", "name"}).string() == name + ".bulkhead.dev");
        const auto& versions = *at(spec, {"versions"}).array();
        REQUIRE(versions.size() == 1);
        found.push_back({*at(spec, {"names", "kind"}).string(), at(versions[0], {"schema", "openAPIV3Schema"})});
    }
    return found;
}

/// Calls `use(path, schema)` for a schema and all that is in it.
void each_schema(const Value& schema, const std::string& path,
                 const std::function<void(const std::string&, const Value&)>& use) {
    use(path, schema);
    if (const auto* properties = schema.find("properties"))
        for (const auto& member : *properties->object())
            each_schema(member.value, path + "." + member.key, use);
    for (const auto key : {"items", "additionalProperties"})
        if (const auto* inner = schema.find(key)) each_schema(*inner, path + "[]", use);
}

/// Objects of that kind that have every field among them.
std::vector<Value> whole(const std::string& kind) {
    std::vector<Value> found;
    for (const auto& yaml : test::whole_objects())
        for (auto& document : documents(yaml))
            if (*document.find("kind")->string() == kind) found.push_back(std::move(document));
    REQUIRE(!found.empty());
    return found;
}

/// Calls `use(value, schema)` for each object in `value` that has fields, as opposed to keys that are data.
void each_object(Value& value, const Value& schema, const std::function<void(Value&, const Value&)>& use) {
    if (auto* items = std::get_if<Array>(&value.content)) {
        for (auto& item : *items)
            each_object(item, at(schema, {"items"}), use);
        return;
    }
    const auto* properties = schema.find("properties");
    auto* members = std::get_if<Object>(&value.content);
    if (members == nullptr || properties == nullptr) return;
    use(value, *properties);
    for (auto& member : *std::get_if<Object>(&value.content))
        each_object(member.value, at(*properties, {member.key}), use);
}

Value& spec_of(Value& document) {
    for (auto& member : *std::get_if<Object>(&document.content))
        if (member.key == "spec") return member.value;
    FAIL("no spec");
    return document;
}

/// What the decoders say to `document` with one more member at `place`, which is within it.
std::vector<Complaint> complaints_with(Value& document, Value& place, const std::string& key, const Value& value) {
    auto& members = *std::get_if<Object>(&place.content);
    members.push_back({key, value});
    state::Pool pool;
    auto complaints = decode(document, "test.yaml", pool).complaints.errors;
    members.pop_back();
    return complaints;
}

bool is_unknown(const std::vector<Complaint>& complaints, const std::string& key) {
    return std::any_of(complaints.begin(), complaints.end(), [&](const Complaint& complaint) {
        return complaint.text == "is an unknown field" && complaint.field.ends_with("." + key);
    });
}

/// Every word in quotes in the decoders' sources: if they read a field, its name is among them.
std::set<std::string> words_of_decoders() {
    std::set<std::string> words{kMadeUp};
    const std::regex quoted("\"([a-z][A-Za-z]*)\"");
    for (const auto& file : std::filesystem::directory_iterator(BULKHEAD_DECODERS)) {
        if (file.path().extension() != ".cpp") continue;
        const auto text = text_of(file.path().string());
        for (std::sregex_iterator word(text.begin(), text.end(), quoted), end; word != end; ++word)
            words.insert((*word)[1]);
    }
    return words;
}

TEST_CASE("every field of the CRDs says what it is for") {
    for (const auto& crd : crds())
        each_schema(crd.schema, crd.kind, [](const std::string& path, const Value& schema) {
            if (path.ends_with("[]")) return; // told of where the list is
            INFO(path);
            const auto* description = schema.find("description");
            REQUIRE(description != nullptr);
            CHECK(description->string()->ends_with("."));
        });
}

TEST_CASE("the objects that the tests call whole have every field of the CRDs") {
    for (const auto& crd : crds()) {
        std::set<const Value*> unseen;
        each_schema(crd.spec(), "spec", [&](const std::string&, const Value& schema) {
            if (const auto* properties = schema.find("properties"))
                for (const auto& member : *properties->object())
                    unseen.insert(&member.value);
        });
        for (auto& document : whole(crd.kind))
            each_object(spec_of(document), crd.spec(), [&](Value& value, const Value& properties) {
                for (const auto& member : *value.object())
                    unseen.erase(properties.find(member.key));
            });
        each_schema(crd.spec(), crd.kind, [&](const std::string& path, const Value& schema) {
            INFO(path);
            CHECK_FALSE(unseen.contains(&schema));
        });
    }
}

TEST_CASE("the decoders know no field that the CRDs don't have") {
    const auto words = words_of_decoders();
    REQUIRE(words.contains("podSelector"));
    size_t asked = 0;
    for (const auto& crd : crds()) {
        if (crd.kind == "IdentitySlice") continue; // the next test's
        auto document = whole(crd.kind).front();
        each_object(spec_of(document), crd.spec(), [&](Value& place, const Value& properties) {
            for (const auto& word : words) {
                if (properties.find(word) != nullptr) continue;
                ++asked;
                INFO(crd.kind << ", line " << place.line << ": " << word);
                CHECK(is_unknown(complaints_with(document, place, word, Value{}), word));
            }
        });
    }
    CHECK(asked > 3000);
}

TEST_CASE("the decoder of IdentitySlices reads no field that the CRD doesn't have") {
    // It passes over what it doesn't know; but of what it reads, nothing is true or false.
    const Value truth{.content = true};
    const auto words = words_of_decoders();
    const auto all = crds();
    const auto& crd = all.back();
    REQUIRE(crd.kind == "IdentitySlice");
    auto document = whole(crd.kind).front();
    each_object(spec_of(document), crd.spec(), [&](Value& place, const Value& properties) {
        CHECK(complaints_with(document, place, kMadeUp, truth).empty());
        for (const auto& word : words) {
            if (properties.find(word) != nullptr) continue;
            INFO("line " << place.line << ": " << word);
            CHECK(complaints_with(document, place, word, truth).empty());
        }
    });
}

/// The property that a rule calls so: words that CEL keeps for itself stand between underscores there. Nothing if a
/// server would not know what is meant.
std::optional<std::string> property_named(const std::string& word) {
    static const std::set<std::string> kept{"true",     "false",  "null",    "in",        "as",     "break", "const",
                                            "continue", "else",   "for",     "if",        "import", "let",   "loop",
                                            "function", "return", "package", "namespace", "var",    "void",  "while"};
    const bool is_escaped = word.size() > 4 && word.starts_with("__") && word.ends_with("__");
    const auto name = is_escaped ? word.substr(2, word.size() - 4) : word;
    return kept.contains(name) == is_escaped ? std::optional(name) : std::nullopt;
}

TEST_CASE("the CRDs' rules speak of fields that are where they stand, and say in one line what is wrong") {
    const std::regex field("self\\.([A-Za-z_]+)");
    size_t rules = 0;
    for (const auto& crd : crds())
        each_schema(crd.schema, crd.kind, [&](const std::string& path, const Value& schema) {
            const auto* list = schema.find("x-kubernetes-validations");
            if (list == nullptr) return;
            for (const auto& entry : *list->array()) {
                ++rules;
                const auto& rule = *at(entry, {"rule"}).string();
                INFO(path << ": " << rule);
                CHECK(at(entry, {"message"}).string()->find('\n') == std::string::npos);
                for (std::sregex_iterator word(rule.begin(), rule.end(), field), end; word != end; ++word) {
                    const auto property = property_named((*word)[1]);
                    REQUIRE(property.has_value());
                    CHECK(at(schema, {"properties"}).find(*property) != nullptr);
                }
            }
        });
    CHECK(rules > 20);
}

/// As text, but for what it is for.
std::string shape_of(const Value& value) {
    std::string shape;
    if (const auto* items = value.array())
        for (const auto& item : *items)
            shape += "- " + shape_of(item) + "\n";
    if (const auto* members = value.object())
        for (const auto& member : *members)
            if (member.key != "description") shape += member.key + ": {" + shape_of(member.value) + "}\n";
    return shape.empty() ? value.text() : shape;
}

TEST_CASE("what stands in several places of the CRDs is the same in all of them") {
    std::map<std::string, std::set<std::string>> shapes; // by what it is
    for (const auto& crd : crds())
        each_schema(crd.spec(), crd.kind + ".spec", [&](const std::string& path, const Value& schema) {
            const auto name = path.substr(path.rfind('.') + 1);
            const bool of_slice = crd.kind == "IdentitySlice";
            if (name.ends_with("Selector")) shapes["selector"].insert(shape_of(schema));
            if (name == "from" || (name == "to" && schema.find("items"))) shapes["peers"].insert(shape_of(schema));
            if (name == "ports" && !of_slice)
                shapes[crd.kind == "AWSResource" ? "ports by number" : "ports"].insert(shape_of(schema));
            if (name == "cidr" || name == "cidrs[]") shapes["cidr"].insert(shape_of(schema));
            if (crd.kind == "Override" && name == "mode") return;                      // it knows but one
            if (name == "mode" || ((name == "until" || name == "level") && !of_slice)) // slices no person writes
                shapes[name].insert(shape_of(schema));
        });
    CHECK(shapes.size() == 8);
    for (const auto& [what, found] : shapes) {
        INFO(what);
        CHECK(found.size() == 1);
    }
}

} // namespace
} // namespace bulkhead::source
