// SPDX-License-Identifier: Apache-2.0
//
// Whatever the other end sends: what was understood stays, what broke off changes nothing, and it is asked again from
// where it was. Against a real server: tests/cluster.
#include <atomic>

#include "kube_scene.h"

namespace bulkhead::source::kube {
namespace {

TEST_CASE("pages are one list, and the watch goes on where it ended") {
    Scene scene({{list(item("shop"), "10", "next=page")}, {list(item("bank"), "10")}});
    scene.wait_until_asked(3);
    CHECK(scene.cluster.namespaces().size() == 2);
    CHECK(scene.source().synced());
    const auto asked = scene.asked();
    CHECK(asked[0].target == "/api/v1/namespaces?limit=500&resourceVersion=0");
    CHECK(asked[1].target == "/api/v1/namespaces?limit=500&continue=next%3Dpage");
    CHECK(has(asked[2].target, "watch=1"));
    CHECK(has(asked[2].target, "resourceVersion=10"));
    CHECK(has(asked[2].target, "allowWatchBookmarks=true"));
}

TEST_CASE("a page whose list the server forgot starts the list anew, as a whole") {
    Scene scene({{list(item("shop"), "10", "more")},
                 {response("410 Gone", status(410, "expired"))},
                 {list(item("bank"), "20")}});
    scene.wait_for("bank");
    scene.wait([&] { return scene.source().synced(); });
    CHECK(scene.asked()[2].target == "/api/v1/namespaces");
    CHECK_FALSE(scene.cluster.namespaces().contains("shop"));
}

TEST_CASE("a list that breaks off removes nothing and is asked again") {
    const auto whole = list(item("shop") + "," + item("bank"), "10");
    const auto later = list(item("shop"), "12");
    for (const auto then : {Then::kClose, Then::kReset}) {
        for (const size_t cut : {whole.size() - 1, whole.size() - 20, whole.find("bank") + 2}) {
            CAPTURE(cut);
            Scene scene({{list(item("old") + "," + item("shop"), "8")},
                         {stream(event("ERROR", "", "")), Then::kClose},
                         {stream(R"({"type":"ERROR","object":)" + status(410, "too old") + "}\n"), Then::kClose},
                         {whole.substr(0, cut), then},
                         {later}});
            scene.wait([&] { return scene.source().hearing().lists == 1; });
            scene.wait_until_asked(4);
            CHECK(scene.cluster.namespaces().contains("old"));
            scene.wait([&] { return scene.source().hearing().lists == 2; });
            CHECK_FALSE(scene.cluster.namespaces().contains("old"));
            CHECK(scene.cluster.namespaces().contains("shop"));
        }
    }
}

TEST_CASE("a watch that is cut goes on behind what it said last, even in the midst of an object") {
    const auto half = event("ADDED", "half", "12").substr(0, 30);
    Scene scene({{list(item("shop"), "10")},
                 {stream(event("ADDED", "bank", "11") + half), Then::kReset},
                 {stream(event("DELETED", "shop", "13")), Then::kHold}});
    scene.wait([&] { return !scene.cluster.namespaces().contains("shop") && scene.source().synced(); });
    CHECK(scene.cluster.namespaces().contains("bank"));
    CHECK_FALSE(scene.cluster.namespaces().contains("half"));
    CHECK(has(scene.asked()[2].target, "resourceVersion=11"));
    CHECK(scene.source().hearing().lists == 1);
    CHECK(scene.problems() == "");
}

TEST_CASE("a bookmark moves the place from which the watch goes on, and is no event") {
    const auto bookmark =
        R"({"type":"BOOKMARK","object":{"kind":"Namespace","apiVersion":"v1","metadata":{"resourceVersion":"99"}}})";
    Scene scene({{list(item("shop"), "10")}, {stream(bookmark), Then::kClose}});
    scene.wait_until_asked(3);
    CHECK(has(scene.asked()[2].target, "resourceVersion=99"));
    CHECK(scene.source().hearing().events == 0);
    CHECK(scene.cluster.namespaces().size() == 1);
}

TEST_CASE("a watch that the server forgot is listed anew, not older than what was known") {
    Scene scene({{list(item("shop"), "10")},
                 {stream(R"({"type":"ERROR","object":)" + status(410, "too old resource version") + "}\n")},
                 {list(item("bank"), "30")}});
    scene.wait_for("bank");
    scene.wait([&] { return scene.source().hearing().lists == 2; });
    CHECK_FALSE(scene.cluster.namespaces().contains("shop"));
    CHECK(has(scene.asked()[2].target, "resourceVersion=10&resourceVersionMatch=NotOlderThan"));
    CHECK(scene.problems() == "");
}

TEST_CASE("garbage is named, changes nothing, and is asked again from the same place") {
    for (const std::string garbage :
         {"<html>gateway</html>", "{\"type\":\"ADDED\"}", "{\"type\":tru,\"object\":{}}", "]"}) {
        CAPTURE(garbage);
        Scene scene({{list(item("shop"), "10")},
                     {stream(garbage), Then::kHold},
                     {stream(event("ADDED", "bank", "11")), Then::kHold}});
        scene.wait([&] { return has(scene.problems(), "the answer"); });
        CHECK(scene.cluster.namespaces().contains("shop"));
        scene.wait_for("bank");
        CHECK(has(scene.asked()[2].target, "resourceVersion=10"));
        CHECK(scene.problems() == "");
    }
}

TEST_CASE("a list that is something else is no list, and empties nothing") {
    const auto forgotten = stream(R"({"type":"ERROR","object":)" + status(410, "too old") + "}\n");
    for (const std::string& odd :
         {response("200 OK", "{}"), response("200 OK", R"({"kind":"Status","status":"Success"})"),
          response("200 OK", R"({"kind":"NamespaceList","items":[]})"), response("200 OK", "[]"),
          response("200 OK", ""),
          response("200 OK", R"({"kind":"NamespaceList","metadata":{"resourceVersion":"11"},"items":[7]})")}) {
        CAPTURE(odd);
        Scene scene({{list(item("shop"), "10")}, {forgotten}, {odd}, {list(item("shop"), "12")}});
        scene.wait_until_asked(4);
        CHECK(scene.cluster.namespaces().contains("shop"));
        scene.wait([&] { return scene.source().hearing().lists == 2; });
        CHECK(scene.cluster.namespaces().contains("shop"));
    }
}

TEST_CASE("a server that asks to wait is not asked before") {
    Scene scene({{response("429 Too Many Requests", status(429, "slow down"), "Retry-After: 1\r\n")},
                 {response("503 Service Unavailable", status(503, "starting", R"({"retryAfterSeconds":1})"))},
                 {list(item("shop"), "10")}});
    scene.wait([&] { return has(scene.problems(), "429: slow down"); });
    scene.wait_for("shop");
    const auto asked = scene.asked();
    CHECK(asked[1].at - asked[0].at >= 1s);
    CHECK(asked[2].at - asked[1].at >= 1s);
    scene.wait([&] { return scene.problems().empty(); });
}

std::string too_new() {
    return response("504 Gateway Timeout", status(504, "Too large resource version: 90",
                                                  R"({"causes":[{"reason":"ResourceVersionTooLarge"}]})"));
}

TEST_CASE("a server that was set back to an older state is believed in the end") {
    const auto ahead = too_new();
    Scene scene({{list(item("shop"), "90")}, {ahead}, {ahead}, {ahead}, {list(item("bank"), "20")}});
    scene.wait([&] { return has(scene.problems(), "behind what it said before"); });
    CHECK(scene.cluster.namespaces().contains("shop"));
    scene.wait_for("bank");
    scene.wait([&] { return scene.source().hearing().lists == 2; });
    CHECK_FALSE(scene.cluster.namespaces().contains("shop"));
    CHECK(scene.asked()[4].target == "/api/v1/namespaces?limit=500");
}

std::string bookmark(const std::string& version, const std::string& annotations = "") {
    return R"({"type":"BOOKMARK","object":{"kind":"Namespace","apiVersion":"v1","metadata":{"resourceVersion":")" +
           version + R"(","annotations":{)" + annotations + "}}}}\n";
}

/// Long enough to see that nothing else is asked meanwhile.
void wait_for_silence(Scene& scene, std::chrono::seconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    scene.wait([&] { return std::chrono::steady_clock::now() > end; });
}

TEST_CASE("a watch that falls silent at a server that sends bookmarks is cut, and goes on from the last version") {
    Scene scene({{list(item("shop"), "10")},
                 {stream(bookmark("15")), Then::kHold},
                 {stream(event("ADDED", "bank", "16")), Then::kHold}},
                {.answer = 20s, .watch = 1s});
    scene.wait([&] { return has(scene.problems(), "the answer stopped: nothing for 1 s"); });
    CHECK(scene.cluster.namespaces().contains("shop"));
    scene.wait_for("bank");
    CHECK(scene.problems() == "");
    const auto asked = scene.asked();
    REQUIRE(asked.size() == 3);
    CHECK(asked[2].at - asked[1].at >= 1s);
    CHECK(has(asked[2].target, "watch=1"));
    CHECK(has(asked[2].target, "resourceVersion=15"));
    CHECK(scene.source().hearing().lists == 1);
    // Whether this server sends them has to show again.
    wait_for_silence(scene, 2s);
    CHECK(scene.asked().size() == 3);
}

TEST_CASE("a watch at a server that was never seen to send bookmarks may be silent until its time is over") {
    Scene scene({{list(item("shop"), "10")}, {stream(event("ADDED", "bank", "11")), Then::kHold}},
                {.answer = 1s, .watch = 1s});
    scene.wait_for("bank");
    wait_for_silence(scene, 2s);
    CHECK(scene.asked().size() == 2);
    CHECK(scene.problems() == "");
}

TEST_CASE("an answer that doesn't begin and a list that stops are given up and asked for again") {
    const auto whole = list(item("shop"), "10");
    Scene scene({{"", Then::kHold}, {whole.substr(0, whole.size() - 10), Then::kHold}, {whole}, {"", Then::kHold}},
                {.answer = 1s, .watch = 20s});
    scene.wait([&] { return has(scene.problems(), "no answer came: nothing for 1 s"); });
    scene.wait([&] { return has(scene.problems(), "the answer stopped: nothing for 1 s"); });
    scene.wait_for("shop");
    scene.wait_until_asked(5); // the watch that didn't begin, once more
    CHECK(has(scene.asked()[4].target, "watch=1"));
    scene.wait([&] { return scene.problems().empty(); });
}

TEST_CASE("a streaming list that stops twice is asked for in pages") {
    const auto some = stream(event("ADDED", "shop", "9"));
    Scene scene({{some, Then::kHold}, {some, Then::kClose}, {list(item("shop"), "10")}}, {.answer = 1s, .watch = 20s},
                "33");
    scene.wait_for("shop");
    const auto asked = scene.asked();
    REQUIRE(asked.size() >= 3);
    CHECK(has(asked[0].target, "sendInitialEvents=true"));
    CHECK(has(asked[1].target, "sendInitialEvents=true"));
    CHECK(asked[2].target == "/api/v1/namespaces?limit=500&resourceVersion=0");
}

TEST_CASE("a streaming list is asked for as one again after it broke off once, and while the server is away") {
    const auto all = event("ADDED", "shop", "9") + bookmark("10", R"("k8s.io/initial-events-end":"true")");
    Scene scene({{"", Then::kReset},
                 {"", Then::kReset},
                 {stream(event("ADDED", "shop", "9")), Then::kReset},
                 {stream(all), Then::kHold}},
                {}, "33");
    scene.wait_for("shop");
    scene.wait([&] { return scene.problems().empty(); });
    REQUIRE(scene.asked().size() == 4);
    for (const auto& asked : scene.asked())
        CHECK(has(asked.target, "sendInitialEvents=true"));
}

/// What a former agent left behind, of a server at `url`.
void leave_version(const std::string& path, const std::string& url, const std::string& version) {
    KnownVersions known(path, url);
    known.note("namespaces namespaces?", version);
    known.flush();
}

TEST_CASE("how far the server has told is remembered, and the next first list isn't older") {
    const TemporaryDirectory directory;
    const auto path = directory.at("agent.versions").string();
    std::string kept;
    {
        Scene scene({{list(item("shop"), "10")}, {stream(event("ADDED", "bank", "40")), Then::kHold}}, {}, "20", path);
        scene.wait_for("bank");
        CHECK(scene.asked()[0].target == "/api/v1/namespaces?limit=500&resourceVersion=0");
        kept = scene.url();
    }
    CHECK(KnownVersions(path, kept).of("namespaces namespaces?") == "40");
    for (const bool streaming : {false, true}) {
        CAPTURE(streaming);
        // A server has another port each time: so its predecessor's word is said to be its own.
        Scene next({}, {}, streaming ? "33" : "20", "");
        leave_version(path, next.url(), "40");
        next.source().remember_in(path);
        next.wait_until_asked(1);
        CHECK(has(next.asked()[0].target, "resourceVersion=40"));
        CHECK(has(next.asked()[0].target, "resourceVersionMatch=NotOlderThan"));
        CHECK(has(next.asked()[0].target, "sendInitialEvents=true") == streaming);
    }
}

TEST_CASE("a server restored from a backup, behind what a former agent knew, is believed after three tries") {
    const TemporaryDirectory directory;
    const auto path = directory.at("agent.versions").string();
    const auto ahead = response("504 Gateway Timeout", status(504, "Too large resource version: 40",
                                                              R"({"causes":[{"reason":"ResourceVersionTooLarge"}]})"));
    Scene scene({{ahead}, {ahead}, {ahead}, {list(item("shop"), "20")}});
    leave_version(path, scene.url(), "40");
    scene.source().remember_in(path);
    scene.wait([&] { return has(scene.problems(), "behind what it said before, and counts nevertheless"); });
    scene.wait_for("shop");
    CHECK(scene.asked()[3].target == "/api/v1/namespaces?limit=500");
    scene.wait([&] { return KnownVersions(path, scene.url()).of("namespaces namespaces?") == "20"; });
}

TEST_CASE("a remembered version that the server takes for none keeps nobody from starting") {
    const TemporaryDirectory directory;
    const auto path = directory.at("agent.versions").string();
    const Answer refusal{response("400 Bad Request", status(400, "strconv.ParseUint: parsing: invalid syntax"))};
    for (const bool streaming : {false, true}) {
        CAPTURE(streaming);
        std::vector<Answer> answers(streaming ? 2 : 1, refusal);
        answers.push_back({list(item("shop"), "20")});
        Scene scene(std::move(answers), {}, streaming ? "33" : "20", "");
        leave_version(path, scene.url(), "40");
        scene.source().remember_in(path);
        scene.wait_for("shop");
        CHECK(has(scene.asked().front().target, "resourceVersion=40"));
        CHECK_FALSE(has(scene.asked()[streaming ? 2 : 1].target, "resourceVersion"));
    }
}

TEST_CASE("watches that end at once and say nothing are not asked for without a pause") {
    std::vector<Answer> answers(200, Answer{stream("") + "0\r\n\r\n"});
    answers.front() = {list(item("shop"), "10")};
    Scene silent(std::move(answers));
    silent.wait_for("shop");
    const auto end = std::chrono::steady_clock::now() + 1s;
    silent.wait([&] { return std::chrono::steady_clock::now() > end; });
    CHECK(silent.asked().size() < 20);
    CHECK(silent.asked().size() > 2);
}

TEST_CASE("watches that are accepted and break at once, again and again, are told; one that lives ends that") {
    std::vector<Answer> answers(5, Answer{stream(""), Then::kReset});
    answers.front() = {list(item("shop"), "10")};
    Scene scene(std::move(answers));
    scene.wait([&] { return has(scene.problems(), "watches break off at once"); });
    CHECK(scene.source().hearing().stale_since.has_value());
    CHECK(scene.cluster.namespaces().contains("shop"));
    scene.wait([&] { return scene.problems().empty(); });
    CHECK_FALSE(scene.source().hearing().stale_since.has_value());
}

TEST_CASE("another selection is told once its list is complete, and till then the one before stays in force") {
    Scene scene({{list(item("shop"), "10")},
                 {stream(""), Then::kHold},
                 {response("403 Forbidden", status(403, "no"))},
                 {stream(event("ADDED", "blog", "11")), Then::kHold},
                 {list(item("bank"), "12")}});
    scene.wait_until_asked(2);
    CHECK(scene.source().selection_told("namespaces"));
    scene.source().select("namespaces", "labelSelector=a", 0ms);
    CHECK_FALSE(scene.source().selection_told("namespaces"));
    scene.wait_for("blog"); // the watch goes on while the list is refused
    CHECK(has(scene.problems(), "needs the permission to list namespaces (403)"));
    CHECK_FALSE(scene.source().selection_told("namespaces"));
    CHECK(scene.cluster.namespaces().contains("shop"));
    scene.wait([&] { return scene.source().selection_told("namespaces"); });
    CHECK_FALSE(scene.cluster.namespaces().contains("shop"));
    CHECK(scene.cluster.namespaces().contains("bank"));
    const auto asked = scene.asked();
    CHECK(has(asked.at(2).target, "labelSelector=a"));
    CHECK_FALSE(has(asked.at(3).target, "labelSelector=a"));
    CHECK(has(asked.at(3).target, "resourceVersion=10"));
    CHECK(has(asked.at(4).target, "labelSelector=a"));
    CHECK(scene.problems().empty());
}

TEST_CASE("a server that was set back is believed about another selection too, though it takes watches meanwhile") {
    const Answer watch{stream(""), Then::kHold};
    Scene scene({{list(item("shop"), "90")},
                 watch,
                 {too_new()},
                 watch,
                 {too_new()},
                 watch,
                 {too_new()},
                 {list(item("bank"), "20")}});
    scene.wait_until_asked(2);
    scene.source().select("namespaces", "labelSelector=a", 0ms);
    scene.wait([&] { return scene.source().selection_told("namespaces"); });
    CHECK(scene.cluster.namespaces().contains("bank"));
    CHECK_FALSE(scene.cluster.namespaces().contains("shop"));
}

TEST_CASE("what was watched before and is forgotten is listed anew before the selection is tried again") {
    Scene scene({{list(item("shop"), "10")},
                 {stream(""), Then::kHold},
                 {response("403 Forbidden", status(403, "no"))},
                 {response("410 Gone", status(410, "too old"))},
                 {list(item("blog"), "30")},
                 {list(item("bank"), "40")}});
    scene.wait_until_asked(2);
    scene.source().select("namespaces", "labelSelector=a", 0ms);
    scene.wait_for("blog");
    CHECK_FALSE(scene.source().selection_told("namespaces"));
    scene.wait_for("bank");
    CHECK(scene.source().selection_told("namespaces"));
    CHECK_FALSE(has(scene.asked().at(4).target, "labelSelector=a"));
}

TEST_CASE("what comes before the selection is taken isn't what was selected") {
    Scene scene({{list(item("shop"), "10")}});
    scene.source().select("namespaces", "labelSelector=a", 1h);
    scene.wait_for("shop");
    CHECK(scene.source().synced());
    CHECK_FALSE(scene.source().selection_told("namespaces"));
}

TEST_CASE("as long as one resource can't be listed, nothing of the others is told: half a policy is another one") {
    std::atomic<bool> may{false};
    ScriptedServer server([&may](const ScriptedServer::Asked& request) -> Answer {
        if (has(request.target, "watch=1")) return {stream(""), Then::kHold};
        if (has(request.target, "/namespaces")) return {list(item("shop"), "10")};
        if (has(request.target, "/pods") && !may) return {response("403 Forbidden", status(403, "no"))};
        return {response("200 OK", R"({"kind":"PodList","metadata":{"resourceVersion":"10"},"items":[]})")};
    });
    Access access;
    access.server = server.url();
    auto session = std::move(Session::create(access, 1).value());
    auto pods = namespaces();
    pods.name = pods.path = "pods";
    pods.kind = "Pod";
    KubeSource source(*session, {namespaces(), pods});
    state::Cluster cluster;
    const auto wait = [&](const std::function<bool()>& holds) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        for (source.update(cluster); !holds(); source.update(cluster)) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            pollfd fd{.fd = source.fd(), .events = POLLIN, .revents = 0};
            poll(&fd, 1, 50);
        }
    };
    wait([&] { return source.hearing().lists == 1 && !source.problems().empty(); });
    CHECK_FALSE(source.synced());
    CHECK(cluster.namespaces().empty());
    may = true;
    wait([&] { return source.synced(); });
    CHECK(cluster.namespaces().contains("shop"));
}

} // namespace
} // namespace bulkhead::source::kube
