// SPDX-License-Identifier: Apache-2.0
//
// What DNS is asked and what it said, as values.
#pragma once

#include <chrono>
#include <compare>
#include <string>
#include <vector>

#include "base/address.h"

namespace bulkhead::dns {

/// The A (IPv4) or AAAA (IPv6) records of a name.
struct Question {
    std::string name; // as hostname_of() makes it
    uint8_t family = BH_IPV4;

    auto operator<=>(const Question&) const = default;
};

/// How a question ended.
enum class Outcome : uint8_t {
    kAddresses,    // some
    kNoAddress,    // the name is there, but has none of this family (NODATA)
    kNoName,       // there is no such name (NXDOMAIN)
    kServerFailed, // SERVFAIL
    kRefused,      // REFUSED
    kNoReply,      // in time
    kUnreachable,  // nobody listens there, or no way leads there
    kMalformed,    // a reply that is none
    kOther,        // FORMERR, NOTIMP, out of memory
};
inline constexpr size_t kOutcomes = 9;

/// As metrics' labels say it: "no_name".
const char* label_of(Outcome outcome);

struct Answer {
    Outcome outcome = Outcome::kOther;
    std::vector<Address> addresses; // each once, sorted
    std::chrono::seconds ttl{0};    // the smallest of the CNAMEs and addresses
    std::string error;              // who said or did what, unless there are addresses
};

/// DNS itself said that there is nothing, in contrast to not saying anything of use.
inline bool says_nothing_there(Outcome outcome) {
    return outcome == Outcome::kNoAddress || outcome == Outcome::kNoName;
}

} // namespace bulkhead::dns
