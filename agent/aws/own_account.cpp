// SPDX-License-Identifier: Apache-2.0
#include "aws/own_account.h"

#include <spdlog/spdlog.h>

namespace bulkhead::aws {

void OwnAccount::find_out(const Ask& ask, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    answered_.wait(lock, stop, [this] { return !asking_; });
    if (stop.stop_requested() || known_ || clock_.now() < next_try_) return;
    asking_ = true;
    lock.unlock();
    const auto identity = ask();
    lock.lock();
    asking_ = false;
    take(identity);
    answered_.notify_all();
}

/// Who was stopped while asking leaves it to the next.
void OwnAccount::take(const Answer<Identity>& identity) {
    if (identity) {
        known_ = true;
        throttle_.set_own_account(identity->account);
        return;
    }
    if (identity.error().kind == Failure::Kind::kStopped) return;
    next_try_ = clock_.now() + kPause;
    if (std::exchange(told_, true)) return;
    spdlog::warn(
        "whose account we are in isn't known, so roles of it have a call budget of their own, besides ours: {}",
        identity.error().text);
}

} // namespace bulkhead::aws
