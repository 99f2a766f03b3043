// SPDX-License-Identifier: Apache-2.0
//
// Whose problem is told next.
#include <catch2/catch_test_macros.hpp>

#include "controller/event_queue.h"

using namespace bulkhead;
using namespace bulkhead::controller;
using namespace std::chrono_literals;
using Problems = std::vector<state::Problem>;
using Time = EventQueue::Time;

namespace {

const Time kNow = Time(1h);

state::Problem problem(std::string object, std::string text = "x") {
    return {.origin = "", .object = std::move(object), .field = "", .text = std::move(text)};
}

Problems broken_grants(const std::string& ns, int count) {
    Problems problems;
    for (int i = 0; i < count; ++i)
        problems.push_back(problem("AccessGrant " + ns + "/g" + std::to_string(i)));
    return problems;
}

void append(Problems& problems, const Problems& more) {
    problems.insert(problems.end(), more.begin(), more.end());
}

/// Tells what is due, and all that is put off for an hour then.
std::vector<std::string> tell(EventQueue& queue, size_t most = SIZE_MAX, Time now = kNow) {
    std::vector<std::string> objects;
    while (objects.size() < most) {
        const auto* next = queue.next(now);
        if (next == nullptr) break;
        objects.push_back(next->object);
        queue.begin(*next);
        queue.put_off(*next, now + 1h);
    }
    return objects;
}

} // namespace

TEST_CASE("what the platform writes is told first, then each namespace in turn, whoever has thousands of problems") {
    EventQueue queue;
    auto problems = broken_grants("a-flood", 5000);
    append(problems, {problem("Tenant payments"), problem("AWSResource aurora"), problem("Pod shop/web-1"),
                      problem("Pod shop/web-2"), problem("AccessGrant zoo/g"), problem("Namespace bank")});
    queue.set_problems(problems);
    CHECK(tell(queue, 8) == std::vector<std::string>{"AWSResource aurora", "Tenant payments", "AccessGrant a-flood/g0",
                                                     "Namespace bank", "Pod shop/web-1", "AccessGrant zoo/g",
                                                     "AccessGrant a-flood/g1", "Pod shop/web-2"});
    append(problems, {problem("Tenant late")});
    queue.set_problems(problems);
    CHECK(tell(queue, 1).front() == "Tenant late");
}

TEST_CASE("of a namespace's problems some are told, then others when they are mended; the platform's all are") {
    EventQueue queue;
    auto problems = broken_grants("shop", 200);
    for (int i = 0; i < 200; ++i)
        problems.push_back(problem("Tenant t" + std::to_string(i)));
    queue.set_problems(problems);
    CHECK(tell(queue).size() == 200 + EventQueue::kMostOfNamespace);
    problems.erase(problems.begin(), problems.begin() + 10);
    queue.set_problems(problems);
    CHECK(tell(queue).size() == 10);
    CHECK(queue.wakes_at() == kNow + 1h);
    CHECK(tell(queue, SIZE_MAX, kNow + 1h).size() == 200 + EventQueue::kMostOfNamespace);
}

TEST_CASE("when nobody answers for any AWSResource, some are told of, in turn with the namespaces") {
    using Nature = state::Problem::Nature;
    EventQueue queue;
    Problems problems{problem("Pod shop/web"), problem("AWSResource broken"), problem("AccessGrant zoo/g")};
    for (int i = 0; i < 500; ++i) {
        problems.push_back(problem("AWSResource r" + std::to_string(100 + i)));
        problems.back().nature = Nature::kNotAnswered;
    }
    queue.set_problems(problems);
    CHECK(tell(queue, 5) == std::vector<std::string>{"AWSResource broken", "AWSResource r100", "Pod shop/web",
                                                     "AccessGrant zoo/g", "AWSResource r101"});
    CHECK(tell(queue).size() == EventQueue::kMostOfNamespace - 2);
    for (auto& one : problems)
        if (one.nature == Nature::kNotAnswered) one.nature = Nature::kAnswered;
    queue.set_problems(problems);
    const auto good_news = tell(queue);
    CHECK(good_news.size() == EventQueue::kMostOfNamespace);
    CHECK(good_news.front() == "AWSResource r100");
    // Good news takes no place from bad.
    problems.push_back(problem("AWSResource late"));
    problems.back().nature = Nature::kNotAnswered;
    queue.set_problems(problems);
    CHECK(tell(queue) == std::vector<std::string>{"AWSResource late"});
}

TEST_CASE("new problems of a namespace take no place from those that were told, so none is told twice") {
    EventQueue queue;
    auto problems = broken_grants("shop", EventQueue::kMostOfNamespace);
    queue.set_problems(problems);
    CHECK(tell(queue).size() == EventQueue::kMostOfNamespace);
    Problems more;
    for (int i = 0; i < 100; ++i)
        more.push_back(problem("AccessGrant shop/a" + std::to_string(i))); // by name before the others
    append(more, problems);
    queue.set_problems(more);
    CHECK(tell(queue).empty());
    queue.set_problems(problems);
    CHECK(tell(queue).empty());
}

TEST_CASE("a problem that isn't taken lets others go first") {
    EventQueue queue;
    queue.set_problems({problem("Tenant odd"), problem("Tenant other"), problem("Pod shop/web")});
    const auto* odd = queue.next(kNow);
    REQUIRE(odd != nullptr);
    CHECK(odd->object == "Tenant odd");
    queue.begin(*odd);
    queue.put_off(*odd, kNow + 3s);
    CHECK(tell(queue) == std::vector<std::string>{"Tenant other", "Pod shop/web"});
    CHECK(queue.wakes_at() == kNow + 3s);
    CHECK(tell(queue, 1, kNow + 3s).front() == "Tenant odd");
}

TEST_CASE("a problem that fails waits longer each time, until it is told, and no other waits with it") {
    EventQueue queue;
    const auto problems = Problems{problem("Pod shop/odd"), problem("Pod shop/other")};
    queue.set_problems(problems);
    auto now = kNow;
    CHECK_FALSE(queue.any_failed());
    for (const auto pause : {5s, 10s, 20s, 40s}) {
        const auto* odd = queue.next(now);
        REQUIRE(odd != nullptr);
        CHECK(odd->object == "Pod shop/odd");
        queue.fail(*odd, now);
        CHECK(queue.any_failed());
        tell(queue, SIZE_MAX, now); // the other one
        queue.set_problems(problems);
        CHECK(queue.wakes_at() == now + pause);
        now += pause;
    }
    for (int i = 0; i < 20; ++i)
        queue.fail(problems[0], now);
    CHECK(queue.next(now + EventQueue::kLongestPause) != nullptr);
    queue.put_off(problems[0], now);
    CHECK_FALSE(queue.any_failed());
    queue.fail(problems[0], now);
    CHECK(queue.next(now + EventQueue::kFirstPause) != nullptr);
    queue.set_problems({problems[1]}); // gone, it fails no more
    CHECK_FALSE(queue.any_failed());
}

TEST_CASE("what no Event can be about waits for none, and nothing to tell is nothing to wake for") {
    EventQueue queue;
    queue.set_problems({problem(""), problem("EndpointSlice kube-system/dns")});
    CHECK(queue.next(kNow) == nullptr);
    CHECK_FALSE(queue.wakes_at());
}
