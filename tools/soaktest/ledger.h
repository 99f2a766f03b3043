// SPDX-License-Identifier: Apache-2.0
//
// What a soak counts, and what it found. Findings are what must not be: each is a line that says who, to whom and
// when, and its kind decides the verdict. Notes are what was done, so that a finding can be read beside it. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "support/deadline.h"

namespace bulkhead::soak {

using test::Clock;
using Time = Clock::time_point;

/// X(NAME, key in JSON, words in the table): what was done, and what happened.
#define SOAK_COUNTS(X)                                                                                                 \
    X(kPodsCreated, "pods_created", "pods created")                                                                    \
    X(kPodsDeleted, "pods_deleted", "pods deleted")                                                                    \
    X(kReused, "addresses_reused", "addresses that went to another tenant's pod")                                      \
    X(kReusedAtOnce, "addresses_reused_at_once", "  of these within a second")                                         \
    X(kGateAdds, "gate_adds", "ADDs at the CNI gate")                                                                  \
    X(kGateShut, "gate_shut", "  of these that failed, so that the pod was made anew")                                 \
    X(kGateWaited, "gate_waited", "pods that waited at the gate for more than a second")                               \
    X(kKills, "kills", "agents killed (SIGKILL)")                                                                      \
    X(kKillsStarting, "kills_while_starting", "  of these while they started")                                         \
    X(kRestarts, "restarts", "agents restarted (SIGTERM)")                                                             \
    X(kUpgrades, "upgrades", "agents replaced with another build")                                                     \
    X(kStops, "stops", "agents stopped (SIGSTOP)")                                                                     \
    X(kStarvations, "starvations", "agents starved of CPU")                                                            \
    X(kLevelFlips, "level_flips", "namespaces' levels changed")                                                        \
    X(kGrantFlips, "grant_flips", "grants given or taken back")                                                        \
    X(kSourceGone, "source_gone", "times the source went away")                                                        \
    X(kSourceBroken, "source_broken", "times a file of it could not be understood")                                    \
    X(kAddressSqueezes, "endpoint_overflows", "times the endpoint maps overflowed")                                    \
    X(kGrantSqueezes, "opening_overflows", "times the map of openings overflowed")                                     \
    X(kClassSqueezes, "identity_overflows", "times the map of identities overflowed")                                  \
    X(kOverflowsTold, "overflows_told", "  of all these that a node told of")                                          \
    X(kUdpTalks, "udp_conversations", "UDP conversations")                                                             \
    X(kTcpTalks, "tcp_conversations", "TCP conversations")                                                             \
    X(kTcpConnected, "tcp_connected", "  of these that connected")                                                     \
    X(kAllowedSent, "allowed_sent", "messages sent that the rule allowed throughout")                                  \
    X(kAnswered, "answered", "messages answered")                                                                      \
    X(kForbiddenSent, "forbidden_sent", "messages and SYNs sent that the rule forbade throughout")                     \
    X(kExcused, "excused", "messages lost while the rule changed or the maps were full")                               \
    X(kForPredecessor, "for_predecessor", "messages that reached the next pod at an address")                          \
    X(kSegmentsAgain, "tcp_segments_again", "TCP segments sent again (conversations allowed throughout)")              \
    X(kSegmentsTwice, "tcp_segments_twice", "  of these needlessly, says the receiver")

enum Count : size_t {
#define X(name, key, words) name,
    SOAK_COUNTS(X)
#undef X
        kCounts
};

/// X(NAME, key in JSON, words in the table): what must be 0.
#define SOAK_FINDINGS(X)                                                                                               \
    X(kForbiddenArrived, "forbidden_arrived", "forbidden packets that arrived")                                        \
    X(kAllowedLost, "allowed_lost", "allowed messages that were lost")                                                 \
    X(kConnectionDied, "connections_died", "connections that died")                                                    \
    X(kGateWrong, "gate_wrong", "pods let in by nobody, and other wrong answers of the gate")                          \
    X(kAgentFailed, "agents_failed", "agents that ended by themselves, or didn't come back")                           \
    X(kPodForgotten, "pods_forgotten", "pods that were not guarded within a minute of calm")

enum Finding : size_t {
#define X(name, key, words) name,
    SOAK_FINDINGS(X)
#undef X
        kFindings
};

class Ledger {
public:
    /// Notes and findings go to `log`, as they come.
    explicit Ledger(const std::string& log);

    void count(Count what, uint64_t more = 1) { counts_[what] += more; }
    uint64_t counted(Count what) const { return counts_[what]; }

    void note(const std::string& text);
    void find(Finding kind, const std::string& text);
    uint64_t found(Finding kind) const { return found_[kind]; }
    bool clean() const;
    /// The first of each kind.
    std::vector<std::string> findings() const;

    /// "123.456", seconds since the beginning.
    std::string moment(Time time) const;
    double seconds() const;

private:
    const Time begun_ = Clock::now();
    std::array<std::atomic<uint64_t>, kCounts> counts_{};
    std::array<std::atomic<uint64_t>, kFindings> found_{};
    mutable std::mutex mutex_; // of what follows
    std::ofstream log_;
    std::vector<std::string> first_;
};

} // namespace bulkhead::soak
