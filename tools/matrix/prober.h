// SPDX-License-Identifier: Apache-2.0
//
// Asks many servers at once from one place, by real sockets: TCP, UDP and ping. Each probe carries a token
// of its own and counts as answered when that comes back. Silence is told from refusal, since a dropped
// packet must not give away that anybody is there.
#pragma once

#include <string_view>
#include <vector>

#include "base/address.h"
#include "support/deadline.h"
#include "support/netns.h"

namespace bulkhead::matrix {

struct Probe {
    Address to;
    uint8_t protocol = BH_TCP; // BH_TCP, BH_UDP or BH_ICMP (ping, in both families)
    uint16_t port = 0;         // host order; none for ping
    test::Clock::duration patience{};
};

enum class Outcome : uint8_t {
    kAnswered,
    kSilent,
    kConnected, // a TCP handshake and nothing after it
    kRefused,   // RST or ICMP port unreachable
    kFailed,    // the sender's own kernel refused, or an ICMP error came
};

std::string_view outcome_name(Outcome outcome);

/// The outcomes in the order of the probes. Fails only for want of sockets.
Result<std::vector<Outcome>> probe_all(const test::Netns& from, const std::vector<Probe>& probes);

} // namespace bulkhead::matrix
