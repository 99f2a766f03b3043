// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a controller's writes when its lead ends.
#include "controller/controller.h"
#include "controller_talk.h"

using namespace bulkhead;
using namespace bulkhead::controller;
using namespace std::chrono_literals;
using Then = Answer::Then;

namespace {

constexpr LeaseTiming kQuick{.duration = 2s, .give_up = 1'500ms, .renewal = 100ms};

/// One Tenant, whose status is never answered once it is written; a Lease that is renewed as `renewal` says.
class Server {
public:
    explicit Server(std::function<Answer()> renewal)
        : renewal_(std::move(renewal)), server_([this](const Asked& asked) { return answer(asked); }) {}

    std::string url() const { return server_.url(); }
    size_t held(const std::string& method) const { return server_.held(method); }
    size_t asked(const std::string& method) const {
        const auto all = server_.asked();
        return static_cast<size_t>(std::ranges::count(all, method, &Asked::method));
    }

private:
    Answer answer(const Asked& asked) const {
        const auto has = [&](const std::string& part) { return asked.target.find(part) != std::string::npos; };
        if (asked.method == "PATCH") return {"", Then::kHold};
        if (asked.method == "PUT") return renewal_();
        if (asked.method == "POST")
            return {source::kube::response("201 Created", R"({"metadata":{"resourceVersion":"1"}})")};
        if (has("/leases/")) return {refusal(404, "not found")};
        if (has("watch=1")) return {source::kube::stream(""), Then::kHold};
        if (has("/version")) return {source::kube::response("200 OK", R"({"major":"1","minor":"20"})")};
        const std::string tenant = R"({"metadata":{"name":"bank","resourceVersion":"1","generation":1},"spec":{}})";
        return {source::kube::response("200 OK", R"({"kind":"SomeList","metadata":{"resourceVersion":"1"},"items":[)" +
                                                     (has("/tenants") ? tenant : "") + "]}")};
    }

    std::function<Answer()> renewal_;
    ScriptedServer server_;
};

} // namespace

TEST_CASE("a write under way ends with the lead, whether it is lost or can't be renewed, and none begins after it") {
    struct Row {
        const char* what;
        Answer renewal;
    };
    for (const auto& row :
         {Row{"somebody else's", {refusal(409, "is of another version")}}, Row{"not answered", {"", Then::kHold}}}) {
        INFO(row.what);
        std::atomic<bool> keeps{true};
        Server server([&]() -> Answer {
            return keeps ? Answer{source::kube::response("200 OK", R"({"metadata":{"resourceVersion":"1"}})")}
                         : row.renewal;
        });
        const auto loop = Loop::create().value();
        source::kube::Access access;
        access.server = server.url();
        Settings settings;
        settings.name = "one";
        settings.timing = kQuick;
        const auto controller = Controller::create(*loop, access, settings).value();
        size_t written_after = 0;
        const auto begin = std::chrono::steady_clock::now();
        std::optional<std::chrono::steady_clock::time_point> lost, ended;
        const auto look = [&] {
            const auto now = std::chrono::steady_clock::now();
            const bool is_writing = server.held("PATCH") != 0;
            if (is_writing && !lost) {
                lost = now;
                keeps = false;
            }
            if (lost && !ended && !is_writing) {
                ended = now;
                written_after = server.asked("PATCH");
            }
            if (ended ? now - *ended > 1s : now - begin > 20s) loop->stop();
        };
        const auto timer = loop->timer(look).value();
        timer->arm_every(20ms);
        REQUIRE(loop->run().has_value());
        REQUIRE(lost.has_value());
        REQUIRE(ended.has_value());
        CHECK(*ended - *lost < 3s); // before the deadlines of the write and of the renewal
        CHECK((row.renewal.then == Then::kClose || server.asked("PATCH") == written_after));
    }
}
