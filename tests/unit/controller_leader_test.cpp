// SPDX-License-Identifier: Apache-2.0
//
// Who leads, by what the server says to whoever renews a Lease. With real ones: tests/cluster.
#include "controller/leader.h"
#include "controller_talk.h"

using namespace bulkhead;
using namespace bulkhead::controller;
using namespace std::chrono_literals;

namespace {

constexpr LeaseTiming kQuick{.duration = 10s, .give_up = 7'000ms, .renewal = 20ms};

/// There is no Lease at first; one that is made is lost, or kept, as `renewal` answers.
struct Scene {
    explicit Scene(std::string renewal)
        : talk([renewal = std::move(renewal)](const Asked& asked) -> Answer {
              if (asked.method == "GET") return {refusal(404, "not found")};
              if (asked.method == "PUT") return {renewal};
              return {source::kube::response("201 Created", R"({"metadata":{"resourceVersion":"1"}})")};
          }),
          leader(talk.session(), "system", "one", kQuick) {}

    void wait(const std::function<bool()>& holds) {
        talk.run(
            [&](auto now) {
                leader.tick(now);
                const bool leads = leader.leads(now);
                losses += led && !leads ? 1 : 0;
                led = leads;
            },
            holds);
    }

    Talk talk;
    Leader leader;
    bool led = false;
    int losses = 0;
};

} // namespace

TEST_CASE("who finds its Lease gone, or somebody else's, leads no more; who isn't answered does for a while") {
    for (const auto& renewal : {refusal(404, "leases not found"), refusal(409, "is of another version")}) {
        INFO(renewal);
        Scene scene(renewal);
        scene.wait([&] { return scene.losses > 0; });
        CHECK(scene.leader.error().empty());
        scene.wait([&] { return scene.led; }); // nobody has made another
    }
    Scene scene(refusal(500, "out of order"));
    scene.wait([&] { return scene.talk.asked("PUT").size() >= 3 && !scene.leader.error().empty(); });
    CHECK(scene.losses == 0);
    CHECK(scene.led);
}

TEST_CASE("that there is no namespace for the Lease is told") {
    Talk talk([](const Asked&) -> Answer { return {refusal(404, "namespaces not found")}; });
    Leader leader(talk.session(), "system", "one", kQuick);
    talk.run([&](auto now) { leader.tick(now); }, [&] { return !leader.error().empty(); });
    CHECK(leader.error() == "can't write Lease system/bulkhead-controller: 404: namespaces not found");
}
