// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials.h"

#include <algorithm>

#include "base/rfc3339.h"

namespace bulkhead::aws {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kAhead = 15min;
constexpr auto kLastMoment = 10s; // what expires meanwhile is no use
constexpr Clock::Milliseconds kFirstPause = 1s;
constexpr Clock::Milliseconds kLongestPause = 60s;
constexpr auto kBetweenFetches = 10s; // whatever AWS says to what they bring

} // namespace

Answer<Keys> Credentials::current(const std::stop_token& stop) {
    if (is_due() && clock_.now() >= next_try_) fetch(stop);
    if (is_usable()) return *keys_;
    if (stop.stop_requested()) return failure(Failure::Kind::kStopped, "given up, because we end");
    if (!keys_ || !error_.empty()) return failure(Failure::Kind::kCredentials, "no AWS credentials: " + error_);
    return tl::unexpected(Failure{.kind = Failure::Kind::kCredentials,
                                  .text = "no AWS credentials: AWS refuses those of " + keys_->source,
                                  .code = refusal_});
}

bool Credentials::is_due() const {
    return !keys_ || distrusted_ || (keys_->expires && clock_.wall() >= renewal_);
}

bool Credentials::is_usable() const {
    return keys_ && !distrusted_ && (!keys_->expires || *keys_->expires > clock_.wall() + kLastMoment);
}

void Credentials::fetch(const std::stop_token& stop) {
    auto fetched = source_->fetch(stop);
    if (fetched && fetched->expires && *fetched->expires <= clock_.wall() + kLastMoment)
        fetched = failure(Failure::Kind::kCredentials,
                          source_->name() + ": what it hands out expired at " + rfc3339(*fetched->expires));
    if (fetched) return take(std::move(*fetched));
    if (fetched.error().kind == Failure::Kind::kStopped) return;
    error_ = fetched.error().text;
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    next_try_ = clock_.now() + pause_;
}

void Credentials::take(Keys keys) {
    if (keys.expires) {
        const auto life = *keys.expires - clock_.wall();
        renewal_ = *keys.expires - std::min(kAhead, life / 4);
    }
    keys_ = std::move(keys);
    distrusted_ = false;
    error_.clear();
    pause_ = Clock::Milliseconds(0);
    next_try_ = clock_.now() + kBetweenFetches;
}

void Credentials::refused(const Keys& keys, const std::string& code) {
    if (!keys_ || keys.access_key != keys_->access_key || keys.session_token != keys_->session_token) return;
    distrusted_ = true;
    refusal_ = code;
}

Credentials::View Credentials::view() const {
    if (!keys_) return {.source = "", .expires = std::nullopt, .error = error_};
    return {.source = keys_->source, .expires = keys_->expires, .error = error_};
}

} // namespace bulkhead::aws
