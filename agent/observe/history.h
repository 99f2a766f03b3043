// SPDX-License-Identifier: Apache-2.0
//
// The last flow events, bounded: the newest push out the oldest. One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "bulkhead/abi.h"

namespace bulkhead::observe {

class History {
public:
    explicit History(size_t limit) : limit_(limit) {}

    void add(const bh_event& event) {
        if (limit_ == 0) return;
        if (events_.size() == limit_) events_.pop_front();
        events_.push_back(event);
    }

    const std::deque<bh_event>& events() const { return events_; } // oldest first

private:
    size_t limit_;
    std::deque<bh_event> events_;
};

/// "deny not-granted TCP 10.0.1.5:43210 -> 10.0.1.9:8443", for the log.
std::string text_of(const bh_event& event);

} // namespace bulkhead::observe
