// SPDX-License-Identifier: Apache-2.0
//
// How many conversations there were between whose tenants: the series that tell who is refused by whom, and who gets
// into what isn't everybody's. As many as the limit, since whoever scans makes as many as there are tenants; what comes
// then counts under (other). Where all are taken, one that nothing was added to for a day makes room. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "bulkhead/abi.h"
#include "compile/desired.h"

namespace bulkhead::observe {

/// No tenant can be called so.
inline constexpr const char* kOtherTenant = "(other)";

/// The tenant's name; in parentheses what else it is: "(world)", "(node)", "(held)", "(none)".
std::string label_of_tenant(const compile::IdentityName& name);
std::string label_of_tenant(compile::IdentityId identity, const compile::Desired& desired);

struct TenantPair {
    std::string source; // as label_of_tenant() has it
    std::string destination;
    bh_verdict verdict = BH_VERDICT_DENY;
    bh_reason reason = BH_REASON_NOT_GRANTED;
    std::string resource{}; // the AWSResource that was asked for; empty = none
    auto operator<=>(const TenantPair&) const = default;
};

/// The pair that a conversation counts for.
TenantPair pair_of(const bh_event& event, const compile::Desired& desired);

/// Of an allowed conversation: did it need a door, or does it lead to an AWS resource? What is open to everybody, or
/// stays within its tenant, is most of all traffic, and nobody's question.
bool is_admission(const bh_event& event, const compile::Desired& desired);

class TenantPairs {
public:
    using Clock = std::chrono::steady_clock;

    explicit TenantPairs(size_t limit) : limit_(limit) {}

    /// `count` conversations more.
    void add(const TenantPair& pair, uint64_t count = 1, Clock::time_point now = Clock::now());

    /// Those under (other) included.
    std::map<TenantPair, uint64_t> counts() const;
    size_t size() const { return pairs_.size(); }   // without those
    uint64_t overflow() const { return overflow_; } // conversations under (other)

private:
    struct Count {
        uint64_t conversations = 0;
        Clock::time_point last;
    };
    bool make_room(Clock::time_point now);

    size_t limit_;
    std::map<TenantPair, Count> pairs_;
    std::map<TenantPair, uint64_t> others_; // by verdict and reason
    Clock::time_point next_look_{};         // for one that is old enough: none is before
    uint64_t overflow_ = 0;
};

} // namespace bulkhead::observe
