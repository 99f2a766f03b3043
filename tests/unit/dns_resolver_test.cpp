// SPDX-License-Identifier: Apache-2.0
//
// Questions to a real DNS server.
#include "dns_fixture.h"

using namespace bulkhead;
using namespace bulkhead::dns;
using namespace bulkhead::dns::test;

namespace {

std::vector<std::string> hundred_addresses() {
    std::vector<std::string> records;
    for (int i = 1; i <= 100; ++i) {
        records.push_back("nodes 5 A 10.1.0." + std::to_string(i));
        records.push_back("nodes 5 AAAA fd00:1::" + std::to_string(i));
    }
    return records;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a real server's answer has all addresses of the family that was asked for, and the TTL") {
    const auto server = server_with(
        {"db 7 A 10.0.0.2", "db 7 A 10.0.0.1", "db 9 AAAA fd00::2", "db 9 AAAA fd00::1", "day 86400 A 10.0.0.9"});
    const auto resolver = resolver_at({server->text()});
    const auto v4 = ask(*resolver, "db.db.test");
    CHECK(v4.outcome == Outcome::kAddresses);
    CHECK(joined(v4.addresses) == "10.0.0.1 10.0.0.2");
    CHECK(v4.ttl == 7s);
    CHECK(v4.error.empty());
    const auto v6 = ask(*resolver, "db.db.test", BH_IPV6);
    CHECK(joined(v6.addresses) == "fd00::1 fd00::2");
    CHECK(v6.ttl == 9s);
    CHECK(ask(*resolver, "day.db.test").ttl == 24h);
}

TEST_CASE("along CNAMEs the smallest TTL counts, wherever it is") {
    const auto server =
        server_with({"a 60 CNAME b", "b 3 CNAME c", "c 30 A 10.0.0.3", "d 60 CNAME e", "e 60 CNAME f", "f 4 A 10.0.0.4",
                     "g 60 CNAME nobody", "h 60 CNAME outside.example.", "loop 60 CNAME loop"});
    const auto resolver = resolver_at({server->text()});
    const auto middle = ask(*resolver, "a.db.test");
    CHECK(joined(middle.addresses) == "10.0.0.3");
    CHECK(middle.ttl == 3s);
    const auto last = ask(*resolver, "d.db.test");
    CHECK(joined(last.addresses) == "10.0.0.4");
    CHECK(last.ttl == 4s);
    CHECK(ask(*resolver, "g.db.test").outcome == Outcome::kNoName);
    CHECK(ask(*resolver, "a.db.test", BH_IPV6).outcome == Outcome::kNoAddress);
    CHECK(ask(*resolver, "h.db.test").outcome == Outcome::kNoAddress);
    CHECK(ask(*resolver, "loop.db.test").addresses.empty());
}

TEST_CASE("what a real server says instead of addresses is told apart, with the server's name") {
    const auto server = server_with({"db 5 A 10.0.0.1"});
    const auto resolver = resolver_at({server->text()});
    const std::tuple<const char*, uint8_t, Outcome, const char*> rows[] = {
        {"nobody.db.test", BH_IPV4, Outcome::kNoName, "NXDOMAIN"},
        {"db.db.test", BH_IPV6, Outcome::kNoAddress, "NODATA"},
        {"db.broken.test", BH_IPV4, Outcome::kServerFailed, "SERVFAIL"},
        {"db.example.org", BH_IPV4, Outcome::kRefused, "REFUSED"},
    };
    for (const auto& [name, family, outcome, words] : rows) {
        INFO(name);
        const auto answer = ask(*resolver, name, family);
        CHECK(answer.outcome == outcome);
        CHECK(answer.addresses.empty());
        CHECK(has(answer.error, words));
        CHECK(answer.error.starts_with(server->text() + " "));
        CHECK(resolver->outcomes()[static_cast<size_t>(outcome)] == 1);
    }
}

TEST_CASE("an answer that is too long for a datagram comes whole, over TCP") {
    const auto server = server_with(hundred_addresses());
    const auto resolver = resolver_at({server->text()});
    CHECK(ask(*resolver, "nodes.db.test").addresses.size() == 100);
    CHECK(ask(*resolver, "nodes.db.test", BH_IPV6).addresses.size() == 100);
    int open = 20;
    for (int i = 0; i < 20; ++i)
        resolver->ask({.name = "nodes.db.test", .family = BH_IPV4}, [&](const Answer& answer) {
            CHECK(answer.addresses.size() == 100);
            --open;
        });
    CHECK(work_until(*resolver, [&] { return open == 0; }));
}

TEST_CASE("a server that doesn't answer is given up in time; it is asked again, and answers once it can") {
    const auto server = server_with({"db 5 A 10.0.0.1"});
    const auto resolver = resolver_at({server->text()}, 500ms);
    server->freeze();
    const auto begin = bulkhead::test::Clock::now();
    const auto silent = ask(*resolver, "db.db.test");
    CHECK(silent.outcome == Outcome::kNoReply);
    CHECK(has(silent.error, "doesn't reply"));
    CHECK(bulkhead::test::Clock::now() - begin >= 1s);
    CHECK(resolver->outcomes()[static_cast<size_t>(Outcome::kNoReply)] == 2);
    server->thaw();
    CHECK(joined(ask(*resolver, "db.db.test").addresses) == "10.0.0.1");
}

TEST_CASE("where nobody listens is said at once, and a server that was started again is found again") {
    const auto server = server_with({"db 5 A 10.0.0.1"});
    const auto resolver = resolver_at({server->text()}, 5s);
    CHECK(ask(*resolver, "db.db.test").outcome == Outcome::kAddresses);
    server->end();
    const auto begin = bulkhead::test::Clock::now();
    const auto nobody = ask(*resolver, "db.db.test");
    CHECK(nobody.outcome == Outcome::kUnreachable);
    CHECK(has(nobody.error, "can't be reached"));
    CHECK(bulkhead::test::Clock::now() - begin < 4s);
    require(server->again());
    CHECK(joined(ask(*resolver, "db.db.test").addresses) == "10.0.0.1");
}

TEST_CASE(
    "a server that is silent, gone, failing or refusing hands on to the next, which is asked first from then on") {
    const auto good = server_with({"db 5 A 10.0.0.1"});
    const auto bad = server_with({"db 5 A 10.0.0.2"});
    const auto resolver = resolver_at({bad->text(), good->text()}, 1s);
    CHECK(joined(ask(*resolver, "db.db.test").addresses) == "10.0.0.2");
    SECTION("silent") {
        bad->freeze();
    }
    SECTION("gone") {
        bad->end();
    }
    CHECK(joined(ask(*resolver, "db.db.test").addresses) == "10.0.0.1");
    const auto outcomes = resolver->outcomes();
    CHECK(joined(ask(*resolver, "db.db.test").addresses) == "10.0.0.1");
    CHECK(resolver->outcomes()[static_cast<size_t>(Outcome::kAddresses)] ==
          outcomes[static_cast<size_t>(Outcome::kAddresses)] + 1);
    CHECK(resolver->outcomes()[static_cast<size_t>(Outcome::kNoReply)] ==
          outcomes[static_cast<size_t>(Outcome::kNoReply)]);
}

TEST_CASE("the second server's failure is the one that is said, and each is asked once") {
    const auto one = server_with({});
    const auto two = server_with({});
    const auto resolver = resolver_at({one->text(), two->text()});
    const auto answer = ask(*resolver, "db.broken.test");
    CHECK(answer.outcome == Outcome::kServerFailed);
    CHECK(answer.error.starts_with(two->text()));
    CHECK(resolver->outcomes()[static_cast<size_t>(Outcome::kServerFailed)] == 2);
}

TEST_CASE("many questions at once each get their own answer") {
    std::vector<std::string> records;
    for (int i = 0; i < 250; ++i)
        records.push_back("db" + std::to_string(i) + " 5 A 10.2.0." + std::to_string(i));
    const auto server = server_with(records);
    const auto resolver = resolver_at({server->text()}, 5s);
    int right = 0, open = 250;
    for (int i = 0; i < 250; ++i) {
        const auto expected = "10.2.0." + std::to_string(i);
        resolver->ask({.name = "db" + std::to_string(i) + ".db.test", .family = BH_IPV4},
                      [&, expected](const Answer& answer) {
                          --open;
                          if (joined(answer.addresses) == expected) ++right;
                      });
    }
    CHECK(work_until(*resolver, [&] { return open == 0; }));
    CHECK(right == 250);
}

TEST_CASE("questions that are under way when their resolver ends are forgotten") {
    const auto server = server_with({});
    server->freeze();
    bool called = false;
    {
        const auto resolver = resolver_at({server->text()});
        resolver->ask({.name = "db.db.test", .family = BH_IPV4}, [&](const Answer&) { called = true; });
        resolver->work();
    }
    CHECK_FALSE(called);
    server->thaw();
}

TEST_CASE("without a server named, those of /etc/resolv.conf are asked") {
    const auto servers = require(configured_servers());
    CHECK_FALSE(servers.empty());
    const auto resolver = require(Resolver::create({}));
    CHECK(resolver->servers() == servers);
}
