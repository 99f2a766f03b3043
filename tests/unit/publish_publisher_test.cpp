// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <atomic>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "kube_scripted_server.h"
#include "publish/publisher.h"

namespace bulkhead::publish {
namespace {

using namespace std::chrono_literals;
using source::kube::Access;
using source::kube::response;
using source::kube::ScriptedServer;
using source::kube::Session;

const std::string kNothing = R"({"kind":"IdentitySliceList","metadata":{"resourceVersion":"1"},"items":[]})";

/// A publisher before a server that answers as `answer` says.
class Scene {
public:
    explicit Scene(ScriptedServer::Script answer, const Pace& pace = {}) : server_(std::move(answer)) {
        Access access;
        access.server = server_.url();
        session_ = std::move(Session::create(access, 1).value());
        publisher.emplace(*session_, "node-a", pace);
    }

    void wait(const std::function<bool()>& holds) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        for (turn(); !holds(); turn()) {
            INFO(publisher->error());
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            pollfd fd{.fd = session_->fd(), .events = POLLIN, .revents = 0};
            poll(&fd, 1, 50);
        }
    }
    void wait_in_sync() {
        wait([this] { return publisher->in_sync(); });
    }
    std::vector<ScriptedServer::Asked> writes() const {
        auto all = server_.asked();
        std::erase_if(all, [](const auto& one) { return one.method == "GET"; });
        return all;
    }

    size_t looks() const { return server_.asked().size() - writes().size(); }

    std::optional<Publisher> publisher;

private:
    void turn() {
        session_->work();
        publisher->tick(std::chrono::steady_clock::now());
    }

    ScriptedServer server_;
    std::unique_ptr<Session> session_;
};

void wait_for(Scene& scene, std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    scene.wait([&] { return std::chrono::steady_clock::now() >= until; });
}

ScriptedServer::Answer willing(const ScriptedServer::Asked& request) {
    return {response("200 OK", request.method == "GET" ? kNothing : "{}")};
}

TEST_CASE("what is wanted is applied once, and what a former agent left is removed") {
    Scene scene([](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
        if (request.method == "GET")
            return {response("200 OK", R"({"kind":"IdentitySliceList","metadata":{"resourceVersion":"1"},"items":[
                {"metadata":{"name":"node-a-old"}},{"metadata":{"name":"node-a-1"}}]})")};
        return willing(request);
    });
    scene.publisher->set_wanted({{"node-a-1", "{\"one\":1}"}, {"node-a-2", "{\"two\":2}"}});
    scene.wait_in_sync();
    const auto writes = scene.writes();
    REQUIRE(writes.size() == 3);
    std::map<std::string, ScriptedServer::Asked> by_name;
    for (const auto& write : writes)
        by_name[write.target.substr(0, write.target.find('?'))] = write;
    const std::string path = "/apis/bulkhead.dev/v1alpha1/identityslices/";
    CHECK(by_name.at(path + "node-a-old").method == "DELETE");
    CHECK(by_name.at(path + "node-a-1").method == "PATCH");
    CHECK(by_name.at(path + "node-a-1").target.ends_with("?fieldManager=bulkhead-agent&force=true"));
    CHECK(by_name.at(path + "node-a-2").body == "{\"two\":2}");
}

TEST_CASE("a burst is few writes, the last of which has it all") {
    Scene scene(willing);
    for (int i = 0; i <= 100; ++i) {
        scene.publisher->set_wanted({{"node-a-1", std::to_string(i)}});
        const auto until = std::chrono::steady_clock::now() + 2ms;
        scene.wait([&] { return std::chrono::steady_clock::now() >= until; });
    }
    scene.wait_in_sync();
    const auto writes = scene.writes();
    CHECK(writes.back().body == "100");
    for (size_t i = 1; i < writes.size(); ++i)
        CHECK(writes[i].at - writes[i - 1].at >= 80ms);
}

TEST_CASE("a refused write is named, and tried again until it is taken") {
    int refusals = 0;
    Scene scene([&refusals](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
        if (request.method == "GET" || ++refusals > 2) return willing(request);
        return {response("403 Forbidden", R"({"kind":"Status","code":403,"message":"may not patch"})")};
    });
    scene.publisher->set_wanted({{"node-a-1", "{}"}});
    scene.wait([&] { return !scene.publisher->error().empty(); });
    CHECK(scene.publisher->error().find("can't write IdentitySlice node-a-1: needs the permission to create and patch "
                                        "identityslices.bulkhead.dev (403): may not patch") != std::string::npos);
    CHECK_FALSE(scene.publisher->in_sync());
    scene.wait_in_sync();
    CHECK(scene.publisher->error().empty());
    CHECK(scene.publisher->counts().failures == 2);
}

TEST_CASE("what changes back while it is being written is written again") {
    Scene scene(willing);
    scene.publisher->set_wanted({{"node-a-1", "a"}});
    scene.wait([&] { return scene.writes().size() == 1; });
    scene.publisher->set_wanted({});
    scene.wait_in_sync();
    CHECK(scene.writes().back().method == "DELETE");
    scene.publisher->set_wanted({{"node-a-1", "a"}});
    scene.wait_in_sync();
    CHECK(scene.writes().back().method == "PATCH");
}

TEST_CASE("a slice that the server refuses holds up no other, and stays named") {
    Scene scene([](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
        if (request.target.find("node-a-bad") == std::string::npos) return willing(request);
        return {response("422 Unprocessable Entity", R"({"kind":"Status","code":422,"message":"too large"})")};
    });
    for (int i = 0; i < 5; ++i) {
        scene.publisher->set_wanted({{"node-a-bad", "{}"}, {"node-a-good", std::to_string(i)}});
        scene.wait([&] { return scene.publisher->counts().writes == static_cast<uint64_t>(i) + 1; });
        scene.wait([&] { return !scene.publisher->error().empty(); });
        CHECK(scene.publisher->error().find("node-a-bad: 422: too large") != std::string::npos);
    }
    CHECK(scene.publisher->counts().failures < 6); // later and later
}

TEST_CASE("what isn't a list of slices is not taken for an empty one") {
    int looks = 0;
    Scene scene([&looks](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
        if (request.method == "GET" && ++looks == 1) return {response("200 OK", "{}")};
        if (request.method == "GET")
            return {response("200 OK", R"({"kind":"IdentitySliceList","metadata":{"resourceVersion":"1"},"items":[
                {"metadata":{"name":"node-a-old"}}]})")};
        return willing(request);
    });
    scene.wait([&] { return !scene.publisher->error().empty(); });
    scene.wait([&] { return scene.publisher->counts().removals == 1; });
    scene.wait_in_sync();
}

TEST_CASE("looks are answered from the server's memory, not older than what was written, and any after a refusal") {
    std::vector<std::string> looks;
    std::mutex mutex;
    Scene scene(
        [&](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
            if (request.method != "GET") return {response("200 OK", R"({"metadata":{"resourceVersion":"70"}})")};
            const std::scoped_lock lock(mutex);
            looks.push_back(request.target.substr(request.target.find("&resourceVersion")));
            if (looks.size() == 2) return {response("504 Gateway Timeout", R"({"code":504})")};
            return {response("200 OK", R"({"metadata":{"resourceVersion":"7"},"items":[]})")};
        },
        {.between_writes = 10ms, .between_looks = 200ms});
    scene.publisher->set_wanted({{"node-a-1", R"({"spec":{"tenant":"bank"}})"}});
    scene.wait_in_sync();
    scene.wait([&] {
        const std::scoped_lock lock(mutex);
        return looks.size() >= 3;
    });
    const std::scoped_lock lock(mutex);
    CHECK(looks[0] == "&resourceVersion=0");
    CHECK(looks[1] == "&resourceVersion=70&resourceVersionMatch=NotOlderThan");
    CHECK(looks[2] == "&resourceVersion=0");
}

TEST_CASE("what somebody removed or changed is written again when that is found, and the change is told") {
    std::atomic<int> looks{0};
    const std::string spec = R"({"spec":{"tenant":"bank"}})";
    Scene scene(
        [&looks](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
            if (request.method != "GET") return willing(request);
            const bool is_second = ++looks == 2; // one slice is gone, the other has changed
            return {response("200 OK", is_second ? R"({"metadata":{"resourceVersion":"1"},"items":[
                {"metadata":{"name":"node-a-1"},"spec":{"tenant":"shop"}}]})"
                                                 : kNothing)};
        },
        {.between_writes = 10ms, .between_looks = 300ms});
    scene.publisher->set_wanted({{"node-a-1", spec}, {"node-a-2", spec}});
    scene.wait([&] { return scene.writes().size() == 2; });
    scene.wait(
        [&] { return scene.publisher->error().find("are there two agents for node node-a?") != std::string::npos; });
    scene.wait([&] { return scene.writes().size() >= 4; });
}

TEST_CASE("a look that tells what was before a write is no news of somebody else's") {
    Scene scene(
        [](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
            if (request.method != "GET") std::this_thread::sleep_for(300ms); // a look waits behind it
            return willing(request);                                         // and doesn't have it
        },
        {.between_writes = 10ms, .between_looks = 1h, .second_look = 50ms});
    scene.publisher->set_wanted({{"node-a-1", R"({"spec":{"tenant":"bank"}})"}});
    scene.wait([&] { return scene.looks() == 2; });
    wait_for(scene, 20ms);
    CHECK(scene.writes().size() == 1);
    CHECK(scene.publisher->in_sync());
}

/// A slice of a tenant with these pods.
std::string slice_of(const std::string& tenant, const std::vector<std::string>& pods) {
    nlohmann::json slice{{"metadata", {{"labels", {{"tenant", tenant}}}}},
                         {"spec", {{"labelKeys", {"app"}}, {"endpoints", nlohmann::json::array()}}}};
    for (const auto& pod : pods)
        slice["spec"]["endpoints"].push_back({{"namespace", "bank"}, {"pod", pod}});
    return slice.dump();
}

bool is_about(const ScriptedServer::Asked& request, const std::string& slice) {
    return request.target.substr(0, request.target.find('?')).ends_with("/" + slice);
}

/// Refuses to write that slice for as long as it is told to.
struct Refusing {
    std::string slice;
    std::string status = "429 Too Many Requests";
    std::atomic<bool> refuses = true;

    ScriptedServer::Script script() {
        return [this](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
            if (request.method == "GET" || !refuses || !is_about(request, slice)) return willing(request);
            return {response(status, "{}")};
        };
    }
    /// As the server had them last, by name.
    static std::map<std::string, std::string> stored(const Scene& scene) {
        std::map<std::string, std::string> slices;
        for (const auto& write : scene.writes()) {
            const auto path = write.target.substr(0, write.target.find('?'));
            slices[path.substr(path.rfind('/') + 1)] = write.body;
        }
        return slices;
    }
};

TEST_CASE("a pod that moves to another slice stays in the old one until the server has the new one") {
    Refusing server{.slice = "node-a-2"};
    server.refuses = false;
    Scene scene(server.script(), {.between_writes = 10ms});
    scene.publisher->set_wanted({{"node-a-1", slice_of("one", {"x"})}, {"node-a-3", slice_of("one", {"y", "z"})}});
    scene.wait_in_sync();
    server.refuses = true;
    const auto two = slice_of("two", {"x", "y"}), three = slice_of("one", {"z", "new"});
    scene.publisher->set_wanted({{"node-a-2", two}, {"node-a-3", three}});
    wait_for(scene, 500ms);
    auto stored = Refusing::stored(scene);
    CHECK(stored.at("node-a-1") == slice_of("one", {"x"})); // not removed
    CHECK(nlohmann::json::parse(stored.at("node-a-3")) ==   // what is new here isn't held up
          nlohmann::json::parse(slice_of("one", {"z", "new", "y"})));
    CHECK_FALSE(scene.publisher->in_sync());
    server.refuses = false;
    scene.wait_in_sync();
    stored = Refusing::stored(scene);
    CHECK(stored.at("node-a-1").empty());
    CHECK(stored.at("node-a-2") == two);
    CHECK(stored.at("node-a-3") == three);
}

TEST_CASE("pods that change places between two slices are in one of them all the time") {
    Scene scene(willing, {.between_writes = 10ms});
    scene.publisher->set_wanted({{"node-a-1", slice_of("one", {"x"})}, {"node-a-2", slice_of("two", {"y"})}});
    scene.wait_in_sync();
    const auto before = scene.writes().size();
    scene.publisher->set_wanted({{"node-a-1", slice_of("one", {"y"})}, {"node-a-2", slice_of("two", {"x"})}});
    scene.wait_in_sync();
    std::map<std::string, std::string> stored{{"node-a-1", "x"}, {"node-a-2", "y"}};
    const auto writes = scene.writes();
    for (size_t i = before; i < writes.size(); ++i) {
        stored[is_about(writes[i], "node-a-1") ? "node-a-1" : "node-a-2"] = writes[i].body;
        const auto all = stored["node-a-1"] + stored["node-a-2"];
        CHECK(all.find('x') != std::string::npos);
        CHECK(all.find('y') != std::string::npos);
    }
    CHECK(writes.size() == before + 4);
}

TEST_CASE("a pod that moves into a slice which was another tenant's is taken along only when that was moved") {
    Refusing server{.slice = "node-a-2"};
    server.refuses = false;
    Scene scene(server.script(), {.between_writes = 10ms});
    scene.publisher->set_wanted({{"node-a-1", slice_of("victim", {"x"})}});
    scene.wait_in_sync();
    server.refuses = true; // another tenant's slice takes its name, whose labels would hide the pod from those who ask
    scene.publisher->set_wanted({{"node-a-1", slice_of("robber", {"r"})}, {"node-a-2", slice_of("victim", {"x"})}});
    wait_for(scene, 300ms);
    CHECK(Refusing::stored(scene).at("node-a-1") == slice_of("victim", {"x"}));
    server.refuses = false;
    scene.wait_in_sync();
    CHECK(Refusing::stored(scene).at("node-a-1") == slice_of("robber", {"r"}));
}

TEST_CASE("a slice that the server will never take, or doesn't for very long, holds up no removal") {
    struct Row {
        std::string status;
        std::chrono::milliseconds longest_hold;
    };
    for (const auto& [status, longest_hold] :
         std::vector<Row>{{"422 Unprocessable Entity", 1h}, {"429 Too Many Requests", 200ms}}) {
        CAPTURE(status);
        Refusing server{.slice = "node-a-2", .status = status};
        Scene scene(server.script(), {.between_writes = 10ms, .longest_hold = longest_hold});
        scene.publisher->set_wanted({{"node-a-1", slice_of("one", {"x"})}});
        scene.wait_in_sync();
        scene.publisher->set_wanted({{"node-a-2", slice_of("two", {"x"})}});
        scene.wait([&] { return scene.publisher->counts().removals == 1; });
        CHECK_FALSE(scene.publisher->in_sync());
    }
}

TEST_CASE("what a former agent's slice has is held as well") {
    Refusing server{.slice = "node-a-2"};
    Scene scene(
        [&](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
            if (request.method != "GET") return server.script()(request);
            auto old = nlohmann::json::parse(slice_of("one", {"x"}));
            old["metadata"]["name"] = "node-a-1";
            return {
                response("200 OK", nlohmann::json{{"metadata", {{"resourceVersion", "1"}}}, {"items", {old}}}.dump())};
        },
        {.between_writes = 10ms});
    scene.publisher->set_wanted({{"node-a-2", slice_of("two", {"x"})}});
    scene.wait([&] { return scene.publisher->counts().failures > 1; });
    CHECK(scene.publisher->counts().removals == 0);
    server.refuses = false;
    scene.wait([&] { return scene.publisher->counts().removals == 1; });
}

TEST_CASE("looks are close together while the agent is young, and far apart later") {
    std::vector<std::chrono::steady_clock::time_point> looks;
    std::mutex mutex;
    Scene scene(
        [&](const ScriptedServer::Asked& request) -> ScriptedServer::Answer {
            const std::scoped_lock lock(mutex);
            looks.push_back(std::chrono::steady_clock::now());
            return willing(request);
        },
        {.between_looks = 1h, .second_look = 20ms});
    wait_for(scene, 2s);
    const std::scoped_lock lock(mutex);
    CHECK(looks.size() >= 6); // 20 ms, and then at most twice as old each time
    CHECK(looks.size() <= 24);
    for (size_t i = 2; i < looks.size(); ++i)
        CHECK(looks[i] - looks[i - 1] <= looks[i - 1] - looks[0] + 200ms);
}

} // namespace
} // namespace bulkhead::publish
