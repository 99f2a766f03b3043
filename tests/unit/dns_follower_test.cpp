// SPDX-License-Identifier: Apache-2.0
//
// Names of a real DNS server followed on a loop, in real time.
#include <thread>

#include "dns/follower.h"
#include "dns/metrics.h"
#include "dns_fixture.h"

using namespace bulkhead;
using namespace bulkhead::dns;
using namespace bulkhead::dns::test;

namespace {

/// Grace times that a test can wait for; everything else as it is by default.
Settings quick() {
    return {.keeping = {.grace = 3s, .gone = 6s}};
}

/// A follower on a loop, which turns on a thread of its own; the test asks it there.
class Following {
public:
    explicit Following(const std::vector<std::string>& servers, const Settings& settings = quick())
        : loop_(require(Loop::create())) {
        std::vector<Server> parsed;
        for (const auto& server : servers)
            parsed.push_back(require(Server::parse(server)));
        follower_ = require(Follower::create(*loop_, parsed, settings, [this] { ++changes_; }));
        thread_ = std::thread([this] { (void)loop_->run(); });
    }
    ~Following() {
        loop_->post([this] { loop_->stop(); });
        thread_.join();
    }

    template <typename Function>
    auto on_loop(Function function) {
        auto answer = loop_->call(function, 20s);
        REQUIRE(answer);
        return *answer;
    }
    std::vector<std::string> follow(const std::set<std::string>& names) {
        return on_loop([&] { return follower_->follow(names); });
    }
    std::string has(const std::string& name) {
        return on_loop([&] { return joined(follower_->names().addresses(name)); });
    }
    NameState state(const std::string& name) {
        return on_loop([&] { return follower_->names().state(name).value(); });
    }
    bool settled() {
        return on_loop([&] { return follower_->names().settled(); });
    }
    int changes() {
        return on_loop([&] { return changes_; });
    }
    metrics::Families metrics() {
        return on_loop([&] { return metrics_of(*follower_, std::chrono::steady_clock::now()); });
    }
    double figure(const std::string& name) {
        for (const auto& family : metrics())
            if (family.name == name) return family.metric.at(0).gauge.value;
        FAIL("no metric " << name);
        return 0;
    }

private:
    std::unique_ptr<Loop> loop_;
    std::unique_ptr<Follower> follower_;
    int changes_ = 0;
    std::thread thread_;
};

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit = 20s) {
    return bulkhead::test::wait_until(holds, bulkhead::test::after(limit), 10ms);
}

constexpr const char* kWriter = "writer.db.test";

} // namespace

TEST_CASE("a fail-over is known before the TTL is over, and the old address is kept for the grace time") {
    const auto server = server_with({"writer 2 CNAME one", "one 60 A 10.0.0.1", "two 60 A 10.0.0.2"});
    Following following({server->text()});
    CHECK(following.follow({kWriter}).empty());
    REQUIRE(eventually([&] { return following.has(kWriter) == "10.0.0.1"; }));
    const std::pair<const char*, const char*> moves[] = {{"one", "two"}, {"two", "one"}};
    for (const auto& [from, to] : moves) {
        const auto changes = following.changes();
        const auto address = std::string(to) == "one" ? "10.0.0.1" : "10.0.0.2";
        REQUIRE(eventually([&] { return following.state(kWriter).in_grace == 0; }));
        require(server->change({std::string("unset writer CNAME ") + from, std::string("set writer 2 CNAME ") + to}));
        const auto begin = bulkhead::test::Clock::now();
        REQUIRE(eventually([&] { return following.has(kWriter).find(address) != std::string::npos; }));
        CHECK(bulkhead::test::Clock::now() - begin < 3s); // a second for a busy machine
        CHECK(following.has(kWriter) == "10.0.0.1 10.0.0.2");
        CHECK(following.changes() > changes);
        REQUIRE(eventually([&] { return following.has(kWriter) == address; }));
        const auto kept = bulkhead::test::Clock::now() - begin;
        CHECK(kept > 2s); // 3 s from one answer to another
        CHECK(kept < 10s);
    }
}

TEST_CASE("addresses that come and go one by one, in both families, are followed") {
    const auto server = server_with({"db 1 A 10.0.0.1", "db 1 AAAA fd00::1"});
    Following following({server->text()});
    following.follow({"db.db.test"});
    REQUIRE(eventually([&] { return following.has("db.db.test") == "10.0.0.1 fd00::1"; }));
    require(server->change({"set db 1 A 10.0.0.2", "set db 1 AAAA fd00::2"}));
    REQUIRE(eventually([&] { return following.has("db.db.test") == "10.0.0.1 10.0.0.2 fd00::1 fd00::2"; }, 3s));
    require(server->change({"unset db A 10.0.0.1", "unset db AAAA fd00::1"}));
    REQUIRE(eventually([&] { return following.has("db.db.test") == "10.0.0.2 fd00::2"; }));
}

TEST_CASE("a name that doesn't exist yet is asked for until it does") {
    const auto server = server_with({});
    auto settings = quick();
    settings.pace.absent = 2s;
    Following following({server->text()}, settings);
    following.follow({kWriter});
    REQUIRE(eventually([&] { return following.settled(); }));
    CHECK(following.changes() == 1); // settled
    CHECK(following.state(kWriter).error == "there is no such name (NXDOMAIN)");
    require(server->change({"set writer 5 A 10.0.0.1"}));
    REQUIRE(eventually([&] { return following.has(kWriter) == "10.0.0.1"; }, 3s));
    CHECK(following.changes() == 2);
    CHECK(following.state(kWriter).error.empty());
}

TEST_CASE(
    "while a server is frozen, gone or failing no address leaves; it is said; and the next answer counts at once") {
    const auto server = server_with({"writer 1 A 10.0.0.1", "reader 1 A 10.0.0.2"});
    auto settings = quick();
    settings.keeping.grace = 2s;
    Following following({server->text()}, settings);
    following.follow({kWriter, "reader.db.test"});
    REQUIRE(eventually([&] { return following.has(kWriter) == "10.0.0.1" && following.settled(); }));
    const char* words = "";
    SECTION("frozen") {
        server->freeze();
        words = "doesn't reply";
    }
    SECTION("gone") {
        server->end();
        words = "can't be reached";
    }
    const auto is_said = [&] { return following.state(kWriter).error.find(words) != std::string::npos; };
    REQUIRE(eventually(is_said));
    // Twice the grace time, and nothing is given up.
    REQUIRE(eventually([&] { return following.figure("bulkhead_dns_oldest_answer_seconds") > 5; }));
    CHECK(following.has(kWriter) == "10.0.0.1");
    CHECK(following.has("reader.db.test") == "10.0.0.2");
    CHECK(following.figure("bulkhead_dns_failing_names") == 2);
    CHECK(following.figure("bulkhead_dns_addresses") == 2);
    if (words == std::string("doesn't reply")) {
        server->thaw();
    } else {
        require(server->again());
    }
    require(server->change({"unset writer", "set writer 1 A 10.0.0.3"}));
    REQUIRE(eventually([&] { return following.has(kWriter) == "10.0.0.1 10.0.0.3"; }, 7s));
    REQUIRE(eventually([&] { return following.has(kWriter) == "10.0.0.3"; }));
}

TEST_CASE("a name that is taken out of DNS keeps its addresses for the longer grace time") {
    const auto server = server_with({"writer 1 A 10.0.0.1"});
    Following following({server->text()});
    following.follow({kWriter});
    REQUIRE(eventually([&] { return following.has(kWriter) == "10.0.0.1"; }));
    require(server->change({"unset writer"}));
    REQUIRE(eventually([&] { return following.state(kWriter).error.find("NXDOMAIN") != std::string::npos; }));
    const auto begin = bulkhead::test::Clock::now();
    CHECK(following.has(kWriter) == "10.0.0.1");
    REQUIRE(eventually([&] { return following.has(kWriter).empty(); }));
    CHECK(bulkhead::test::Clock::now() - begin > 5s); // the grace time of others is 3 s
}

TEST_CASE("what a server must not say is left out and reported: its own address, and instance metadata") {
    const auto server = server_with({"bad 1 A 169.254.169.254", "bad 1 A 10.0.0.1", "worse 1 A 192.0.2.1"});
    const auto address = server->text().substr(0, server->text().find(':'));
    require(server->change({"unset worse", "set worse 1 A " + address}));
    Following following({server->text()});
    following.follow({"bad.db.test", "worse.db.test"});
    REQUIRE(eventually([&] { return following.figure("bulkhead_dns_addresses_refused") == 2; }));
    CHECK(following.has("bad.db.test") == "10.0.0.1");
    CHECK(following.has("worse.db.test").empty());
    CHECK(following.state("bad.db.test").error.find("169.254.169.254 (link-local)") != std::string::npos);
}

TEST_CASE("an address of the DNS servers themselves is not protected, whatever a name says") {
    const auto server = server_with({"db 1 A 10.0.0.2", "db 1 A 10.0.0.1"});
    Following following({server->text(), "10.0.0.2"});
    following.follow({"db.db.test"});
    REQUIRE(eventually([&] { return following.has("db.db.test") == "10.0.0.1"; }));
    CHECK(following.state("db.db.test").error.find("10.0.0.2 (in 10.0.0.2/32") != std::string::npos);
}

TEST_CASE("five hundred names are all known soon, and asked no more often than the pace") {
    std::vector<std::string> records;
    std::set<std::string> names;
    for (int i = 0; i < 500; ++i) {
        records.push_back("db" + std::to_string(i) + " 5 A 10.3." + std::to_string(i / 250) + "." +
                          std::to_string(i % 250));
        names.insert("db" + std::to_string(i) + ".db.test");
    }
    const auto server = server_with(records);
    Following following({server->text()});
    following.follow(names);
    const auto begin = bulkhead::test::Clock::now();
    REQUIRE(eventually([&] { return following.settled(); }));
    CHECK(bulkhead::test::Clock::now() - begin > 2s); // a thousand questions at 400 a second
    CHECK(eventually([&] { return following.figure("bulkhead_dns_addresses") == 500; }));
    CHECK(following.figure("bulkhead_dns_names") == 500);
    CHECK(eventually([&] { return following.figure("bulkhead_dns_failing_names") == 0; }));
}

TEST_CASE("metrics count each kind of reply, and names that aren't followed any more are no part of them") {
    const auto server = server_with({"db 60 A 10.0.0.1"});
    Following following({server->text()});
    following.follow({"db.db.test", "db.broken.test", "db.example.org", "nobody.db.test"});
    REQUIRE(eventually([&] { return following.settled() && following.has("db.db.test") == "10.0.0.1"; }));
    CHECK(following.figure("bulkhead_dns_failing_names") == 3);
    const auto text = metrics::text_of(following.metrics());
    for (const char* outcome : {"addresses", "no_address", "no_name", "server_failed", "refused"}) {
        INFO(outcome);
        CHECK(text.find("outcome=\"" + std::string(outcome) + "\"} 0") == std::string::npos);
    }
    for (const char* outcome : {"unreachable", "malformed", "other"}) {
        INFO(outcome);
        CHECK(text.find("outcome=\"" + std::string(outcome) + "\"} 0") != std::string::npos);
    }
    following.follow({});
    CHECK(following.figure("bulkhead_dns_names") == 0);
    CHECK(following.figure("bulkhead_dns_addresses") == 0);
    CHECK(following.figure("bulkhead_dns_failing_names") == 0);
}
