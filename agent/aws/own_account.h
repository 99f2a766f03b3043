// SPDX-License-Identifier: Apache-2.0
//
// Whose account we are in, by our own keys: a role of that account is on the same throttle at AWS as we are, and so on
// the same budget. STS is asked once, by whoever needs it first, while the others wait for what it says. Where it can't
// be asked, that is tried again after a while; until it has answered, what we ask as ourselves has a budget besides
// that of our account's roles.
//
// Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "aws/sts.h"
#include "aws/throttle.h"

namespace bulkhead::aws {

class OwnAccount {
public:
    using Ask = std::function<Answer<Identity>()>;
    static constexpr std::chrono::minutes kPause{5}; // after a failure

    /// `throttle` is told. Both outlive it.
    OwnAccount(Throttle& throttle, const Clock& clock) : throttle_(throttle), clock_(clock) {}

    /// Comes back when it is known, or not to be had for now. `ask` is with our own keys, no role's.
    void find_out(const Ask& ask, const std::stop_token& stop);

private:
    void take(const Answer<Identity>& identity);

    Throttle& throttle_;
    const Clock& clock_;
    std::mutex mutex_; // guards what follows
    std::condition_variable_any answered_;
    bool known_ = false;
    bool asking_ = false;
    bool told_ = false;        // that it isn't known
    Clock::Steady next_try_{}; // not before
};

} // namespace bulkhead::aws
