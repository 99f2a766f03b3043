// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include "kube_credentials_fixture.h"

namespace bulkhead::source::kube {
namespace {

/// A plugin that notes each run, and prints what the file `answer` holds; with `hold` there, it waits until that is
/// gone.
struct PluginHolder : Holder {
    Access access() {
        return with_plugin(script(directory, "plugin",
                                  "here=$(dirname \"$0\")\necho run >> \"$here/runs\"\n"
                                  "while test -e \"$here/hold\"; do sleep 0.01; done\ncat \"$here/answer\"\n"));
    }
    void answer(const std::string& status) const { directory.write("answer", credential(status)); }
    void hold() const { directory.write("hold", ""); }
    void release() const { directory.remove("hold"); }

    int runs() const {
        std::ifstream file(directory.at("runs"));
        int count = 0;
        for (std::string line; std::getline(file, line);)
            ++count;
        return count;
    }
    /// As an event loop does, until it holds.
    template <typename Condition>
    bool work_until(Condition holds) {
        const auto deadline = test::after(20s);
        while (!holds()) {
            if (!readable(credentials->fd(), deadline)) return false;
            credentials->work();
        }
        return true;
    }
    /// The plugin has begun for the nth time.
    bool ran(int times) const {
        return test::wait_until([&] { return runs() == times; }, test::after(20s));
    }
    /// No plugin runs: its pipes and its end would be heard of.
    bool idle() const { return !credentials->running(); }
    bool work_until_idle() {
        return work_until([&] { return idle(); });
    }
    bool work_until_token(const std::string& expected) {
        return work_until([&] { return token() == expected; });
    }
    bool work_until_error(const std::string& expected) {
        return work_until([&] { return contains(credentials->error(), expected); });
    }
};

std::string until(const std::string& token, const std::string& time) {
    return R"("token":")" + token + R"(","expirationTimestamp":"2026-06-01T)" + time + "Z\"";
}

TEST_CASE("a plugin's credential is there when the plugin has answered, and not before") {
    PluginHolder h;
    h.hold();
    h.answer(R"("token":"abc")");
    h.use(h.access());
    CHECK(h.credentials->current() == nullptr);
    CHECK(h.credentials->error().empty());
    h.release();
    REQUIRE(h.work_until_token("abc"));
    CHECK(h.credentials->current()->headers == std::vector<std::string>{"Authorization: Bearer abc"});
    CHECK(h.version() == 1);
    h.clock.pass(1000h); // it doesn't expire
    CHECK(h.token() == "abc");
    CHECK(h.runs() == 1);
}

TEST_CASE("a credential is renewed ahead of its end, and the old one is used meanwhile") {
    PluginHolder h;
    h.answer(until("first", "13:00:00"));
    h.use(h.access());
    REQUIRE(h.work_until_token("first"));
    h.clock.pass(47min + 59s);
    CHECK(h.token() == "first");
    CHECK(h.runs() == 1);
    h.hold();
    h.answer(until("second", "14:00:00"));
    h.clock.pass(1s); // 80 % of an hour
    CHECK(h.token() == "first");
    REQUIRE(h.ran(2));
    h.credentials->work();
    CHECK(h.token() == "first");
    CHECK(h.version() == 1);
    h.release();
    REQUIRE(h.work_until_token("second"));
    CHECK(h.version() == 2);
    CHECK(h.credentials->error().empty());
}

TEST_CASE("a renewal is due at 80 % of a life or a minute before its end, but not in its first half") {
    const Clock::Wall now = FakeClock().wall();
    CHECK(renewal_time(now, now + 10h) == now + 8h);
    CHECK(renewal_time(now, now + 15min) == now + 12min);
    CHECK(renewal_time(now, now + 5min) == now + 4min);
    CHECK(renewal_time(now, now + 3min) == now + 2min);
    CHECK(renewal_time(now, now + 30s) == now + 15s);
    CHECK(renewal_time(now, now) == now);
    CHECK(renewal_time(now, now - 1h) == now);
}

TEST_CASE("a renewal needs nobody to ask for the credential: its fd tells when it is time") {
    PluginHolder h; // by the machine's clock, since the timer is the kernel's
    const auto expires = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 3s;
    const auto seconds = static_cast<std::time_t>(expires.time_since_epoch().count());
    char date[32];
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&seconds));
    h.answer(R"("token":"first","expirationTimestamp":")" + std::string(date) + "\"");
    auto created = Credentials::create(h.access(), Clock::real(), {.between_runs = 10ms});
    REQUIRE(created);
    h.credentials = std::move(*created);
    REQUIRE(h.work_until([&] { return h.runs() == 1 && h.credentials->current() != nullptr; }));
    h.answer(R"("token":"second")");
    REQUIRE(h.work_until([&] { return h.runs() == 2; }));
    REQUIRE(h.work_until_token("second"));
}

TEST_CASE("a renewal that fails is told and tried again, later and later, with the old credential in use") {
    PluginHolder h;
    h.answer(until("first", "13:00:00"));
    h.use(h.access());
    REQUIRE(h.work_until_token("first"));
    h.directory.write("answer", "please log in");
    h.clock.pass(50min);
    CHECK(h.token() == "first");
    int runs = 2;
    for (const auto pause : {5s, 10s, 20s, 40s, 60s, 60s}) {
        REQUIRE(h.work_until_error("printed no JSON object"));
        REQUIRE(h.runs() == runs);
        h.clock.pass(pause - 1ms);
        CHECK(h.token() == "first");
        CHECK(h.idle());
        h.clock.pass(1ms);
        CHECK(h.token() == "first");
        REQUIRE(h.ran(++runs));
        REQUIRE(h.work_until_idle());
    }
    h.clock.pass(1h); // beyond its end: the server is to judge, there is nothing better
    CHECK(h.token() == "first");
    REQUIRE(h.work_until_idle());
    h.answer(until("second", "23:00:00"));
    h.clock.pass(1min);
    REQUIRE(h.work_until_token("second"));
    CHECK(h.credentials->error().empty());
    CHECK(h.version() == 2);
}

TEST_CASE("a plugin that fails from the start leaves no proof, but its reason, until it works") {
    PluginHolder h;
    auto access = with_plugin(h.directory.at("plugin").string());
    h.use(access);
    CHECK(h.credentials->current() == nullptr);
    CHECK(contains(h.credentials->error(), "plugin: No such file or directory"));
    h.access();
    h.answer(R"("token":"abc")");
    h.clock.pass(5s);
    REQUIRE(h.work_until_token("abc"));
    CHECK(h.credentials->error().empty());
}

TEST_CASE("a plugin that hangs is told after its deadline") {
    PluginHolder h;
    h.pace.plugin.deadline = 50ms;
    h.hold();
    h.answer(R"("token":"abc")");
    h.use(h.access());
    REQUIRE(h.work_until_error("gave no answer within 50 ms"));
    CHECK(h.credentials->current() == nullptr);
}

TEST_CASE("a credential that is over when it comes is used, since a clock may be wrong, but told and asked for again") {
    PluginHolder h;
    h.answer(until("old", "11:00:00"));
    h.use(h.access());
    REQUIRE(h.work_until_token("old"));
    CHECK(contains(h.credentials->error(), "expired at 2026-06-01T11:00:00Z, before it was given: is a clock wrong?"));
    h.clock.pass(5s - 1ms);
    CHECK(h.token() == "old");
    CHECK(h.idle());
    h.answer(until("new", "13:00:00"));
    h.clock.pass(1ms);
    REQUIRE(h.work_until_token("new"));
    CHECK(h.credentials->error().empty());
}

TEST_CASE("a calendar that jumps makes a renewal due") {
    PluginHolder h;
    h.answer(until("first", "13:00:00"));
    h.use(h.access());
    REQUIRE(h.work_until_token("first"));
    h.answer(until("second", "23:00:00"));
    h.clock.pass(6s);
    h.clock.set_wall(h.clock.wall() + 55min);
    REQUIRE(h.work_until_token("second"));
}

TEST_CASE("a refused token is asked for again") {
    PluginHolder h;
    h.answer(R"("token":"first")");
    h.use(h.access());
    REQUIRE(h.work_until_token("first"));
    h.answer(R"("token":"second")");
    h.clock.pass(5s);
    h.credentials->refused(h.version());
    CHECK(h.token() == "first"); // until there is another
    REQUIRE(h.work_until_token("second"));
}

TEST_CASE("a server that refuses everything makes no storm of plugins") {
    PluginHolder h;
    h.answer(R"("token":"abc")");
    h.use(h.access());
    REQUIRE(h.work_until_token("abc"));
    const auto refuse_often = [&] {
        for (int i = 0; i < 1000; ++i)
            h.credentials->refused();
    };
    refuse_often();
    CHECK(h.idle());
    h.clock.pass(5s); // a refusal isn't forgotten
    h.credentials->work();
    REQUIRE(h.ran(2));
    refuse_often();
    REQUIRE(h.work_until_idle());
    refuse_often();
    h.clock.pass(5s - 1ms);
    refuse_often();
    CHECK(h.idle());
    CHECK(h.runs() == 2);
    CHECK(h.version() == 1); // it was the same token again
}

TEST_CASE("a refusal of an older proof means nothing to the new one") {
    PluginHolder h;
    h.answer(R"("token":"first")");
    h.use(h.access());
    REQUIRE(h.work_until_token("first"));
    h.clock.pass(5s);
    h.answer(R"("token":"second")");
    h.credentials->refused(1);
    REQUIRE(h.work_until_token("second"));
    h.clock.pass(5s);
    h.credentials->refused(1);
    CHECK(h.token() == "second");
    CHECK(h.idle());
    h.credentials->refused(2);
    CHECK_FALSE(h.idle());
}

TEST_CASE("credentials that go away take their plugin with them") {
    const Adoption adoption;
    PluginHolder h;
    h.use(with_plugin(script(h.directory, "slow", "echo $$ > \"$0.pid\"; sleep 1000")));
    std::string pid;
    REQUIRE(test::wait_until(
        [&] {
            std::ifstream file(h.directory.at("slow.pid"));
            return static_cast<bool>(std::getline(file, pid)) && !file.eof();
        },
        test::after(10s)));
    h.credentials.reset();
    CHECK(Adoption::ended(std::stoi(pid)));
}

} // namespace
} // namespace bulkhead::source::kube
