// SPDX-License-Identifier: Apache-2.0
//
// The addresses of one question over time. An answer adds what it names at once; what it doesn't name stays for a
// while, because reader and configuration endpoints name another few each time, and because a fail-over leaves
// connections and a machine behind. That while is counted in time during which DNS answered: an outage takes nothing
// away, however long.
//
//   an answer names others          an address that wasn't named for `grace` leaves
//   an answer says there is none    all leave once that has been said for `gone`, and nothing else between
//   anything else                   nothing leaves
//
// Pure: no clock, no I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "base/address.h"

namespace bulkhead::dns {

/// Why 30 minutes: docs/dns.md.
struct Keeping {
    std::chrono::milliseconds grace = std::chrono::minutes(30);
    std::chrono::milliseconds gone = std::chrono::hours(24);
    size_t most = 500; // of a name and family
};

class KeptAddresses {
public:
    explicit KeptAddresses(const Keeping& keeping) : keeping_(keeping) {}

    /// What an answer names, `elapsed` after the answer before. Where it would be too many, those that weren't named
    /// for the longest time make room; of an answer that is too long by itself, what is known already stays.
    void take_named(std::span<const Address> named, std::chrono::milliseconds elapsed);
    /// An answer that names some we can't use: no evidence against those that it doesn't name.
    void take_also(std::span<const Address> named);
    void take_none(std::chrono::milliseconds elapsed);
    /// From an earlier life: as if they had just been named.
    void recall(std::span<const Address> addresses);

    std::vector<Address> all() const; // sorted
    bool empty() const { return unnamed_for_.empty(); }
    size_t in_grace() const;                      // not in the last answer
    size_t left_out() const { return left_out_; } // of the last answer, for want of room

private:
    void add(std::span<const Address> named);
    bool make_room();

    Keeping keeping_;
    std::map<Address, std::chrono::milliseconds> unnamed_for_;
    std::chrono::milliseconds none_for_{0};
    size_t left_out_ = 0;
};

} // namespace bulkhead::dns
