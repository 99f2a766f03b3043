// SPDX-License-Identifier: Apache-2.0
//
// Whoever may write an object may write one that we can't read. It is one object: all others are heard all the same.
#include "kube_scene.h"

namespace bulkhead::source::kube {
namespace {

std::string nested(size_t levels) {
    std::string text;
    for (size_t i = 0; i < levels; ++i)
        text += R"({"f:a":)";
    return text + "{}" + std::string(levels, '}');
}

std::string object(const std::string& name, const std::string& version, const std::string& more) {
    return R"({"kind":"Namespace","apiVersion":"v1","metadata":{"name":")" + name + R"(","resourceVersion":")" +
           version + R"(")" + more + "}";
}

/// Deeper than anything that means something to us.
std::string unreadable(const std::string& name, const std::string& version) {
    return object(name, version, R"(},"spec":)" + nested(300));
}

std::string event_of(const std::string& type, const std::string& object) {
    return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

bool knows(const Scene& scene, const std::string& name) {
    return scene.cluster.namespaces().contains(name);
}

TEST_CASE("an object that can't be read is a problem of its own in a list, and the others are there") {
    Scene scene({{list(item("shop") + "," + unreadable("odd", "9") + "," + item("bank"), "10")}});
    scene.wait([&] { return scene.source().synced(); });
    CHECK(knows(scene, "shop"));
    CHECK(knows(scene, "bank"));
    CHECK_FALSE(knows(scene, "odd"));
    REQUIRE(scene.source().problems().size() == 1);
    CHECK(scene.source().problems()[0].object == "Namespace odd");
    CHECK(has(scene.problems(), "nested too deeply"));
}

TEST_CASE("an object that can't be read any more keeps its last good content, and the watch goes on behind it") {
    Scene scene({{list(item("shop") + "," + item("odd"), "10")},
                 {stream(event_of("MODIFIED", unreadable("odd", "11")) + event("ADDED", "bank", "12")), Then::kClose}});
    scene.wait_for("bank");
    scene.wait_until_asked(3);
    CHECK(has(scene.asked()[2].target, "resourceVersion=12"));
    CHECK(scene.cluster.namespaces().at("odd").labels.contains("bulkhead.dev/level"));
    CHECK(has(scene.problems(), "nested too deeply; its last good content stays in force"));
}

TEST_CASE("an object that can't be read can go, and mend") {
    Scene scene({{list(item("shop") + "," + item("odd"), "10")},
                 {stream(event_of("MODIFIED", unreadable("odd", "11")) +
                         event_of("MODIFIED", unreadable("shop", "12")) + event_of("DELETED", unreadable("odd", "13")) +
                         event("MODIFIED", "shop", "14") + event("ADDED", "last", "15")),
                  Then::kHold}});
    scene.wait_for("last");
    CHECK_FALSE(knows(scene, "odd"));
    CHECK(knows(scene, "shop"));
    CHECK(scene.problems().empty());
}

TEST_CASE("a list anew that has an object which can't be read doesn't take it for gone") {
    Scene scene({{list(item("shop") + "," + item("odd"), "10")},
                 {stream(event_of("ERROR", status(410, "expired"))), Then::kClose},
                 {list(item("bank") + "," + unreadable("odd", "11"), "12")}});
    scene.wait_for("bank");
    scene.wait([&] { return !knows(scene, "shop"); });
    CHECK(knows(scene, "odd"));
}

TEST_CASE("who manages which field of an object is not looked at, however deeply it is nested") {
    const auto odd = object("odd", "9", R"(,"managedFields":[{"fieldsV1":)" + nested(5000) + "}]}");
    Scene scene({{list(item("shop") + "," + odd, "10")}});
    scene.wait_for("odd");
    CHECK(scene.problems().empty());
}

TEST_CASE("an answer without names in it is still garbage") {
    Scene scene({{list(item("shop"), "10")},
                 {stream(R"({"type":"ADDED","object":{"spec":)" + nested(300) + "}}\n"), Then::kClose}});
    scene.wait([&] { return has(scene.problems(), "without a name"); });
    scene.wait_until_asked(3);
    CHECK(has(scene.asked()[2].target, "resourceVersion=10"));
}

} // namespace
} // namespace bulkhead::source::kube
