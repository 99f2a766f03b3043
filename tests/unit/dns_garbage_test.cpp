// SPDX-License-Identifier: Apache-2.0
//
// Replies that no real server sends.
#include <sys/resource.h>

#include <random>

#include "dns_fixture.h"
#include "support/dns_responder.h"

using namespace bulkhead;
using namespace bulkhead::dns;
using namespace bulkhead::dns::test;
using bulkhead::test::DnsBytes;
using bulkhead::test::DnsResponder;

namespace {

std::unique_ptr<DnsResponder> responder(DnsResponder::Reply reply, uint8_t family = BH_IPV4) {
    return require(DnsResponder::start(family, std::move(reply)));
}

DnsBytes good_reply(const DnsBytes& question) {
    auto reply = bulkhead::test::dns_reply(question, 0, 1);
    bulkhead::test::add_address(reply, require(Address::parse("10.0.0.1")), 5);
    return reply;
}

/// What comes back from somebody who answers like that.
Answer answer_of(const std::function<DnsBytes(const DnsBytes&)>& reply, std::chrono::milliseconds patience = 5s) {
    const auto server = responder([&](const DnsBytes& question) { return std::vector<DnsBytes>{reply(question)}; });
    const auto resolver = resolver_at({server->text()}, patience);
    return ask(*resolver, "db.example.org");
}

std::chrono::microseconds cpu_time() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

} // namespace

TEST_CASE("a well-formed reply of the test's own is taken, from an IPv6 server too") {
    CHECK(joined(answer_of(good_reply).addresses) == "10.0.0.1");
    const auto server =
        responder([](const DnsBytes& question) { return std::vector<DnsBytes>{good_reply(question)}; }, BH_IPV6);
    const auto resolver = resolver_at({server->text()}, 5s);
    CHECK(joined(ask(*resolver, "db.example.org").addresses) == "10.0.0.1");
}

TEST_CASE("what isn't the question's reply isn't heard") {
    const std::pair<const char*, std::function<void(DnsBytes&)>> rows[] = {
        {"another id", [](DnsBytes& reply) { reply[0] ^= 1; }},
        {"another name", [](DnsBytes& reply) { reply[13] ^= 1; }},
        {"another type", [](DnsBytes& reply) { reply[12 + 16 + 1] ^= 4; }},
        {"no question", [](DnsBytes& reply) { reply[5] = 0; }},
        {"cut within the header", [](DnsBytes& reply) { reply.resize(11); }},
        {"cut within the question", [](DnsBytes& reply) { reply.resize(20); }},
        {"nothing", [](DnsBytes& reply) { reply.clear(); }},
    };
    for (const auto& [what, break_it] : rows) {
        INFO(what);
        const auto broken = [&](const DnsBytes& question) {
            auto reply = good_reply(question);
            break_it(reply);
            return reply;
        };
        const auto answer = answer_of(broken, 100ms);
        CHECK(answer.outcome == Outcome::kNoReply);
        CHECK(answer.addresses.empty());
    }
}

TEST_CASE("a reply whose records are broken is malformed, and brings no address") {
    const std::pair<const char*, std::function<void(DnsBytes&)>> rows[] = {
        {"cut within an address", [](DnsBytes& reply) { reply.resize(reply.size() - 2); }},
        {"cut within a record", [](DnsBytes& reply) { reply.resize(reply.size() - 9); }},
        {"more answers than there are", [](DnsBytes& reply) { reply[7] = 200; }},
        {"a name that points at itself",
         [](DnsBytes& reply) { reply[reply.size() - 15] = static_cast<uint8_t>(reply.size() - 16); }},
        {"a length beyond the end", [](DnsBytes& reply) { reply[reply.size() - 5] = 200; }},
        {"no reply but the question", [](DnsBytes& reply) { reply[2] &= 0x7f; }},
    };
    for (const auto& [what, break_it] : rows) {
        INFO(what);
        const auto answer = answer_of([&](const DnsBytes& question) {
            auto reply = good_reply(question);
            break_it(reply);
            return reply;
        });
        CHECK(answer.outcome == Outcome::kMalformed);
        CHECK(answer.addresses.empty());
    }
}

TEST_CASE("a question that is sent back as it came says nothing about addresses") {
    CHECK(answer_of([](const DnsBytes& question) { return question; }).outcome == Outcome::kMalformed);
}

TEST_CASE("codes that nobody knows, and those of old servers, are failures and not empty answers") {
    for (const uint8_t code : {uint8_t{4}, uint8_t{9}, uint8_t{15}}) {
        INFO(int{code});
        const auto answer =
            answer_of([&](const DnsBytes& question) { return bulkhead::test::dns_reply(question, code, 0); });
        CHECK(answer.outcome == Outcome::kOther);
        CHECK_FALSE(answer.error.empty());
    }
}

TEST_CASE("a server that doesn't know EDNS is asked without it") {
    const auto answer = answer_of([](const DnsBytes& question) {
        const bool has_edns = question[11] != 0;
        return has_edns ? bulkhead::test::dns_reply(question, 1, 0) : good_reply(question);
    });
    CHECK(joined(answer.addresses) == "10.0.0.1");
}

TEST_CASE("a TTL with its top bit set counts as zero") {
    const auto answer = answer_of([](const DnsBytes& question) {
        auto reply = bulkhead::test::dns_reply(question, 0, 1);
        bulkhead::test::add_address(reply, require(Address::parse("10.0.0.1")), 0xffffffff);
        return reply;
    });
    CHECK(answer.outcome == Outcome::kAddresses);
    CHECK(answer.ttl == 0s);
}

TEST_CASE(
    "random and randomly changed replies end no question but as a failure or a true answer, and nothing crashes") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto server = responder([&](const DnsBytes& question) {
        auto reply = good_reply(question);
        if (random() % 4 == 0) {
            reply.resize(random() % 600);
            for (auto& byte : reply)
                byte = static_cast<uint8_t>(random());
        }
        for (auto i = random() % 6; i > 0 && !reply.empty(); --i)
            reply[random() % reply.size()] = static_cast<uint8_t>(random());
        return std::vector<DnsBytes>{reply};
    });
    const auto resolver = resolver_at({server->text()}, 50ms);
    int ended = 0;
    for (int i = 0; i < 2000; ++i)
        resolver->ask({.name = "db.example.org", .family = i % 2 == 0 ? BH_IPV4 : BH_IPV6}, [&](const Answer& answer) {
            ++ended;
            CHECK(answer.addresses.empty() == (answer.outcome != Outcome::kAddresses));
        });
    CHECK(work_until(*resolver, [&] { return ended == 2000; }));
    CHECK(server->questions() >= 2000);
}

TEST_CASE("in a flood of garbage the true reply counts") {
    const auto server = responder([](const DnsBytes& question) {
        std::vector<DnsBytes> flood(80, DnsBytes(500, 0xee));
        flood.push_back(good_reply(question));
        return flood;
    });
    const auto resolver = resolver_at({server->text()}, 5s);
    CHECK(joined(ask(*resolver, "db.example.org").addresses) == "10.0.0.1");
}

TEST_CASE("waiting for a server that is silent costs no time") {
    const auto server = responder([](const DnsBytes&) { return std::vector<DnsBytes>{}; });
    const auto resolver = resolver_at({server->text()}, 500ms);
    const auto before = cpu_time();
    CHECK(ask(*resolver, "db.example.org").outcome == Outcome::kNoReply);
    CHECK(cpu_time() - before < 50ms); // of a second
}
