// SPDX-License-Identifier: Apache-2.0
//
// An AccessGrant with a date, as kubectl applies it: it opens, and at that second it closes by itself. Nobody writes
// anything at that moment, and no agent has to be there: the date is in the kernel's row.
#include <chrono>
#include <thread>

#include "support/conversation.h"
#include "support/echo_server.h"
#include "two_nodes.h"

namespace bulkhead::test {
namespace {

using SystemClock = std::chrono::system_clock;
using Seconds = std::chrono::sys_seconds;

constexpr uint16_t kPort = 5432;        // granted until
constexpr uint16_t kUndatedPort = 5433; // granted for good
constexpr uint16_t kTalkPort = 5434;    // of long conversations; granted until
constexpr std::chrono::seconds kAhead = 16s;
constexpr auto kLeft = 6s;           // for a look at what is written
constexpr auto kTolerance = 100ms;   // between our clock readings and the packets
constexpr auto kAnswerLimit = 300ms; // shorter than a SYN's retransmission

std::string grant_text(const std::string& name, const std::string& rest) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: " + name +
           ", namespace: bank}\nspec: {from: [{namespace: shop}], " + rest + "}\n---\n";
}

/// That moment on the clock of the sockets' deadlines.
Clock::time_point steady(Seconds time) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(time - SystemClock::now());
}

/// What SYNs found, one after the other.
struct Syns {
    SystemClock::time_point last_answered{};    // when it was begun
    SystemClock::time_point first_unanswered{}; // likewise
    int answered = 0;
    int unanswered = 0;
};

Syns send_syns(const Place& from, const Place& to, SystemClock::time_point end) {
    Syns syns;
    while (SystemClock::now() < end) {
        const auto begun = SystemClock::now();
        if (tcp_connect(from.netns, {to.ip4, kPort}, after(kAnswerLimit))) {
            syns.last_answered = begun;
            ++syns.answered;
        } else if (syns.unanswered++ == 0) {
            syns.first_unanswered = begun;
        }
        std::this_thread::sleep_for(5ms);
    }
    return syns;
}

class DatedGrant {
public:
    explicit DatedGrant(TwoNodes& cluster)
        : cluster_(cluster), web_(cluster.run(kNodeA, "shop/web", 20)), ledger_(cluster.run(kNodeB, "bank/ledger", 20)),
          server_(require(EchoServer::start(ledger_.netns, {kPort, kUndatedPort}))) {}

    const Place& web() const { return web_; }
    const Place& ledger() const { return ledger_; }
    bool is_open(uint16_t port = kPort) const { return answers_tcp(web_.netns, {ledger_.ip4, port}, after(1s)); }

    /// Comes back when it is open, and people talk, with kLeft left. On a busy machine that takes a later date.
    void open() {
        auto ahead = kAhead;
        while (!opens(ahead) || SystemClock::now() > until_ - kLeft)
            REQUIRE((ahead *= 2) < 2min);
    }

    void check_closes() {
        const auto closing = steady(until_);
        std::this_thread::sleep_until(closing - 1s);
        const Syns syns = send_syns(web_, ledger_, until_ + 1s);
        CHECK(syns.answered > 3);
        CHECK(syns.last_answered < until_ + kTolerance);
        CHECK(syns.unanswered > 1);
        CHECK(syns.first_unanswered > until_ - kTolerance);
        CHECK(syns.first_unanswered < until_ + 500ms); // so one was just after it
        for (const auto* talk : {tcp_.get(), udp_.get()}) {
            INFO((talk == tcp_.get() ? "TCP over IPv4" : "UDP over IPv6"));
            CHECK(talk->newest_sent(End::kServer) > closing - kTolerance);
            CHECK(talk->newest_sent(End::kServer) < closing + kTolerance);
            CHECK(talk->silent(closing + kTolerance, after(200ms)));
        }
        CHECK(is_open(kUndatedPort));
    }

private:
    bool opens(std::chrono::seconds ahead) {
        until_ = std::chrono::ceil<std::chrono::seconds>(SystemClock::now() + ahead);
        const std::string date = ", until: \"" + time_text(until_) + "\"";
        cluster_.put(grant_text("dated", "ports: [{port: 5432}, {port: 5434}, {port: 5434, protocol: UDP}]" + date) +
                     grant_text("undated", "ports: [{port: 5433}]"));
        if (!wait_until([this] { return is_open(); }, steady(until_) - kLeft, 20ms)) return false;
        tcp_.reset();
        udp_.reset();
        tcp_ = require(Conversation::tcp(web_.netns, ledger_.netns,
                                         {.flow = Flow::kPingPong, .server = {ledger_.ip4, kTalkPort}}));
        udp_ = require(Conversation::udp(web_.netns, ledger_.netns,
                                         {.flow = Flow::kClientPushes, .server = {ledger_.ip6, kTalkPort}}));
        return true;
    }

    TwoNodes& cluster_;
    Place web_;
    Place ledger_;
    EchoServer server_;
    Seconds until_{};
    // Every millisecond, by TCP over IPv4 and by UDP over IPv6.
    std::unique_ptr<Conversation> tcp_;
    std::unique_ptr<Conversation> udp_;
};

/// All that could tell an agent something, and what agents tell each other.
Json written(const TwoNodes& cluster) {
    return object(cluster.server(), {"-A", "namespaces,pods,nodes,services,tenants.bulkhead.dev,"
                                           "accessgrants.bulkhead.dev,awsresources.bulkhead.dev,overrides.bulkhead.dev,"
                                           "identityslices.bulkhead.dev"})
        .at("items");
}

TEST_CASE("a grant that kubectl gave a date closes by itself at that second, and nothing is written for it") {
    TwoNodes cluster;
    cluster.put(namespace_text("shop") + "---\n" + protected_namespace_text("bank"));
    std::optional<AgentProcess> agent_a = cluster.start(kNodeA);
    std::optional<AgentProcess> agent_b = cluster.start(kNodeB);
    DatedGrant grant(cluster);
    // On a busy machine the first connection may be quicker than the guard of a veth that is just there.
    REQUIRE(wait_until([&] { return !grant.is_open(); }, after(10s), 20ms));

    grant.open();
    const Json before = written(cluster);
    REQUIRE(before.size() > 8);
    grant.check_closes();
    CHECK(written(cluster) == before);
    CHECK(agent_a->process().running());
    CHECK(agent_b->process().running());
    CHECK_FALSE(grant.is_open());

    // A later date opens it again; then there is no agent on either node to close it.
    grant.open();
    agent_a.reset();
    agent_b.reset();
    grant.check_closes();
    CHECK_FALSE(grant.is_open());
    agent_b.emplace(cluster.start(kNodeB)); // nor does one that comes open it again
    CHECK_FALSE(grant.is_open());
    CHECK(grant.is_open(kUndatedPort));
}

} // namespace
} // namespace bulkhead::test
