// SPDX-License-Identifier: Apache-2.0
//
// Which pods had an interface on the node, from one agent to the next.
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "wired_pods.h"

namespace bulkhead {
namespace {

namespace fs = std::filesystem;

class Folder {
public:
    Folder() { REQUIRE(mkdtemp(path_.data()) != nullptr); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }
    std::string file() const { return path_ + "/node.wired"; }

private:
    std::string path_ = fs::temp_directory_path() / "wired-XXXXXX";
};

state::Pod pod(const std::string& name, const std::string& uid = "1") {
    state::Pod pod;
    pod.ns = "shop";
    pod.name = name;
    pod.uid = uid;
    pod.common = std::make_shared<const state::PodTemplate>();
    return pod;
}

/// An agent's node, as far as this goes.
struct Node {
    state::Cluster cluster{};

    void wire(const std::vector<std::string>& names) {
        std::map<uint16_t, state::LocalPod> pods;
        for (const auto& name : names) {
            state::LocalPod local;
            local.slot = static_cast<uint16_t>(pods.size() + 1);
            local.pod = "shop/" + name;
            pods.emplace(local.slot, local);
        }
        cluster.set_local_pods(std::move(pods));
    }
};

/// What the next agent knows of pods whose objects it hears of, and which have no interface.
Node next_of(const Folder& folder, const std::vector<state::Pod>& pods) {
    Node node;
    WiredPods file(folder.file());
    REQUIRE(file.restore(node.cluster));
    for (const auto& one : pods)
        node.cluster.put(one);
    return node;
}

TEST_CASE("who had an interface while an agent ran has lost it for the next one, unless that sees it or a successor") {
    const Folder folder;
    {
        Node node;
        WiredPods file(folder.file());
        REQUIRE(file.restore(node.cluster)); // there is none yet
        for (const auto* name : {"here", "gone", "never", "old", "ended"})
            node.cluster.put(pod(name));
        node.wire({"here", "gone", "old", "ended"});
        node.wire({"here", "old", "ended"});
        CHECK(node.cluster.is_unwired("shop/gone"));
        node.wire({"here", "old"});
        node.cluster.remove({.kind = "Pod", .ns = "shop", .name = "ended"});
        REQUIRE(file.keep(node.cluster));
    }
    for (int agents = 0; agents < 3; ++agents) {
        auto node = next_of(folder, {pod("here"), pod("gone"), pod("never"), pod("old", "2"), pod("ended")});
        CHECK(node.cluster.is_unwired("shop/gone"));
        CHECK(node.cluster.is_unwired("shop/here"));
        node.cluster.take_changes();
        node.wire({"here"});
        CHECK_FALSE(node.cluster.is_unwired("shop/here"));
        CHECK(node.cluster.take_changes().pods.contains("shop/here"));
        CHECK(node.cluster.is_unwired("shop/gone"));
        CHECK_FALSE(node.cluster.is_unwired("shop/never")); // another CNI's, say
        CHECK_FALSE(node.cluster.is_unwired("shop/old"));   // another pod of that name
        CHECK_FALSE(node.cluster.is_unwired("shop/ended")); // its object went, and this is a new one
        WiredPods file(folder.file());
        state::Cluster ignored;
        REQUIRE(file.restore(ignored));
        REQUIRE(file.keep(node.cluster));
    }
}

TEST_CASE("what doesn't change isn't written again, and what can't be written is said") {
    const Folder folder;
    Node node;
    WiredPods file(folder.file());
    node.cluster.put(pod("web"));
    node.wire({"web"});
    REQUIRE(file.keep(node.cluster));
    fs::remove(folder.file());
    REQUIRE(file.keep(node.cluster));
    CHECK_FALSE(fs::exists(folder.file()));
    fs::create_directory(folder.file() + ".new");
    node.wire({});
    node.cluster.remove({.kind = "Pod", .ns = "shop", .name = "web"});
    const auto failed = file.keep(node.cluster);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().text.find(folder.file()) != std::string::npos);
    fs::remove(folder.file() + ".new");
    CHECK(file.keep(node.cluster));
    CHECK(fs::exists(folder.file()));
}

TEST_CASE("a file that is no list of pods tells nothing, and that is said") {
    for (const auto* text : {"", "[]", "{\"shop/web\": 1}", "{"}) {
        const Folder folder;
        std::ofstream(folder.file()) << text;
        state::Cluster cluster;
        WiredPods file(folder.file());
        const auto read = file.restore(cluster);
        REQUIRE_FALSE(read);
        CHECK(read.error().text.find(folder.file() + ": it is no list of pods") != std::string::npos);
        cluster.put(pod("web"));
        CHECK_FALSE(cluster.is_unwired("shop/web"));
    }
}

} // namespace
} // namespace bulkhead
