// SPDX-License-Identifier: Apache-2.0
//
// Which Events reach a server that doesn't take all of them.
#include "controller/events.h"
#include "controller_talk.h"

using namespace bulkhead;
using namespace bulkhead::controller;
using namespace std::chrono_literals;

namespace {

constexpr EventPace kQuick{.burst = 1000, .between = 1ms, .again = 3'600'000ms};

state::Problem problem(std::string object) {
    return {.origin = "", .object = std::move(object), .field = "", .text = "x"};
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Answer object_with_uid() {
    return {source::kube::response("200 OK", R"({"metadata":{"uid":"u-1"}})")};
}

Answer taken() {
    return {source::kube::response("201 Created", "{}")};
}

/// Events at a server that takes all but those that `refuse` answers.
class Scene {
public:
    explicit Scene(std::function<std::optional<std::string>(const Asked&)> refuse)
        : talk([refuse = std::move(refuse)](const Asked& asked) -> Answer {
              if (auto answer = refuse(asked)) return {*answer};
              return asked.method == "POST" ? taken() : object_with_uid();
          }),
          events(talk.session(), kQuick) {}

    void wait(const std::function<bool()>& holds) {
        talk.run([&](auto now) { events.tick(now); }, holds);
    }
    void wait_until_told(uint64_t count) {
        wait([&] { return events.told() >= count; });
    }

    Talk talk;
    Events events;
};

constexpr auto kEnds = R"({"causes":[{"reason":"NamespaceTerminating","field":"metadata.namespace"}]})";

} // namespace

TEST_CASE("of an object only its metadata is asked, which its owner can't make as large as he likes") {
    Scene scene([](const Asked&) { return std::nullopt; });
    scene.events.set_problems({problem("Pod shop/web")});
    scene.wait_until_told(1);
    const auto asked = scene.talk.asked();
    REQUIRE(asked.size() == 2);
    CHECK(asked[0].target == "/api/v1/namespaces/shop/pods/web");
    CHECK(has(asked[0].head, "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"));
    CHECK(asked[1].target == "/api/v1/namespaces/shop/events");
    CHECK(has(asked[1].head, "Accept: application/json\r\n"));
    CHECK(has(asked[1].body, R"("uid":"u-1")"));
}

TEST_CASE("an object that is too large to be read is told of nevertheless, without its uid") {
    Scene scene([](const Asked& asked) -> std::optional<std::string> {
        if (asked.method != "GET") return std::nullopt;
        return source::kube::response("200 OK", R"({"metadata":{"name":")" + std::string(6 << 20, '<') + "\"}}");
    });
    scene.events.set_problems({problem("Pod evil/big")});
    scene.wait_until_told(1);
    const auto told = scene.talk.asked("POST");
    REQUIRE(told.size() == 1);
    CHECK(has(told[0].body, R"("name":"big")"));
    CHECK_FALSE(has(told[0].body, "uid"));
    CHECK(scene.events.error().empty());
}

TEST_CASE("Events that the server doesn't take hold up no others, and are tried again by and by") {
    Scene scene([](const Asked& asked) -> std::optional<std::string> {
        if (!has(asked.target, "/odd")) return std::nullopt;
        return has(asked.target, "/events") ? refusal(403, "exceeded quota") : refusal(500, "no conversion");
    });
    std::vector<state::Problem> problems;
    for (int i = 0; i < 20; ++i)
        for (const auto* pod : {"Pod odd/p", "Pod shop/odd", "Pod shop/p"})
            problems.push_back(problem(pod + std::to_string(i)));
    scene.events.set_problems(problems);
    const auto begin = std::chrono::steady_clock::now();
    scene.wait_until_told(20);
    CHECK(std::chrono::steady_clock::now() - begin < EventQueue::kFirstPause);
    CHECK(scene.events.told() == 20);
    CHECK(has(scene.events.error(), "can't tell of problems by Events: "));
    CHECK_FALSE(scene.talk.asked().empty());
}

TEST_CASE("what a namespace that ends, or nothing that the server knows, can't take is done with") {
    for (const auto& answer : {refusal(403, "it is being terminated", kEnds), refusal(404, "not found"),
                               refusal(409, "is there"), refusal(422, "is invalid")}) {
        INFO(answer);
        Scene scene([&](const Asked& asked) -> std::optional<std::string> {
            return asked.method == "POST" && has(asked.target, "/going/") ? std::optional(answer) : std::nullopt;
        });
        scene.events.set_problems({problem("Pod going/a"), problem("Tenant other")});
        scene.wait([&] { return scene.talk.asked().size() >= 4 && scene.events.told() == 1; });
        CHECK(scene.events.error().empty());
    }
}

TEST_CASE("that nobody may write Events is no done thing") {
    Scene scene([](const Asked& asked) -> std::optional<std::string> {
        return asked.method == "POST" ? std::optional(refusal(403, "events is forbidden")) : std::nullopt;
    });
    scene.events.set_problems({problem("Pod shop/web")});
    scene.wait([&] { return !scene.events.error().empty(); });
    CHECK(scene.events.error() == "can't tell of problems by Events: 403: events is forbidden");
    scene.events.set_problems({});
    CHECK(scene.events.error().empty());
}

TEST_CASE("while the server doesn't answer nothing is told, and all of it once it does") {
    std::atomic<bool> up{false};
    Scene scene([&](const Asked&) -> std::optional<std::string> {
        return up ? std::nullopt : std::optional(refusal(503, "not now"));
    });
    scene.events.set_problems({problem("Pod shop/a"), problem("Pod shop/b"), problem("Tenant c")});
    scene.wait([&] { return scene.talk.asked().size() >= 3; });
    CHECK(has(scene.events.error(), "503"));
    up = true;
    scene.wait_until_told(3);
    CHECK(scene.events.error().empty());
}

TEST_CASE("who no longer leads drops the Event under way, and whoever leads again tells it") {
    std::atomic<bool> holds{true};
    Talk talk([&](const Asked& asked) -> Answer {
        if (holds) return {"", Answer::Then::kHold};
        return asked.method == "POST" ? taken() : object_with_uid();
    });
    Events events(talk.session(), kQuick);
    events.set_problems({problem("Pod shop/web")});
    talk.run([&](auto now) { events.tick(now); }, [&] { return talk.held("GET") == 1; });
    holds = false;
    events.stop();
    talk.run([](auto) {}, [&] { return talk.held("GET") == 0; });
    CHECK(talk.asked().size() == 1);
    talk.run([&](auto now) { events.tick(now); }, [&] { return events.told() == 1; });
}

TEST_CASE("an Event isn't sent by who lost the lead while it asked for the object") {
    Talk talk([](const Asked& asked) { return asked.method == "POST" ? taken() : object_with_uid(); });
    Events events(talk.session(), kQuick);
    events.set_problems({problem("Pod shop/web")});
    events.tick(std::chrono::steady_clock::now());
    const auto a_while = std::chrono::steady_clock::now() + 500ms;
    talk.run([](auto) {}, [&] { return std::chrono::steady_clock::now() > a_while; });
    CHECK(talk.asked("GET").size() == 1);
    CHECK(talk.asked("POST").empty());
    events.tick(std::chrono::steady_clock::now());
    talk.run([](auto) {}, [&] { return events.told() == 1; });
}

TEST_CASE("an object's name is cut where an Event's name may go on") {
    const auto name_of = [](const std::string& object) {
        const auto problem_of = problem(object);
        return event_of(problem_of, *concerned_by(problem_of), "u", {}).at("metadata").at("name").get<std::string>();
    };
    const std::string long_name(199, 'a');
    CHECK(name_of("AccessGrant evil/" + long_name + "-b").starts_with(long_name + "."));
    CHECK(name_of("AccessGrant evil/" + long_name + ".b").starts_with(long_name + "."));
    CHECK_FALSE(has(name_of("AccessGrant evil/" + long_name + ".b"), ".."));
}
