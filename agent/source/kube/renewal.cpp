// SPDX-License-Identifier: Apache-2.0
#include "source/kube/renewal.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace bulkhead::source::kube {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kLongestSleep = 1h; // the calendar may be set meanwhile
constexpr uint32_t kMostDoublings = 10;

std::string date_of(Clock::Wall time) {
    const auto seconds = static_cast<std::time_t>(time.time_since_epoch().count());
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), length};
}

} // namespace

Clock::Wall renewal_time(Clock::Wall now, Clock::Wall expires) {
    const auto life = expires - now;
    if (life <= 0s) return now;
    const auto ahead = std::min(std::max(life / 5, 60s), life / 2);
    return expires - std::chrono::duration_cast<std::chrono::seconds>(ahead);
}

Result<std::unique_ptr<Renewal>> Renewal::create(const Access& access, int epoll, const Clock& clock,
                                                 const Pace& pace) {
    Fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer.valid()) return fail("create timer", errno);
    epoll_event event{.events = EPOLLIN, .data = {.fd = timer.get()}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, timer.get(), &event) != 0) return fail("watch timer", errno);
    return std::unique_ptr<Renewal>(new Renewal(access, epoll, clock, pace, std::move(timer)));
}

void Renewal::work() {
    uint64_t expirations = 0;
    [[maybe_unused]] const auto drained = ::read(timer_.get(), &expirations, sizeof expirations);
    if (plugin_) {
        auto outcome = plugin_->work();
        if (!outcome) return;
        plugin_.reset();
        take(std::move(*outcome));
    }
    if (due()) start();
    arm();
}

void Renewal::refused() {
    if (plugin_) return; // its answer is news
    wanted_ = true;
    work();
}

bool Renewal::due() const {
    if (clock_.now() < earliest_) return false;
    return wanted_ || (renew_at_ && clock_.wall() >= *renew_at_);
}

void Renewal::start() {
    wanted_ = false;
    renew_at_.reset();
    pause();
    auto started = ExecPlugin::start(access_, epoll_, pace_.plugin);
    if (started)
        plugin_ = std::move(*started);
    else
        fail_with(started.error());
}

void Renewal::take(Result<ExecCredential> outcome) {
    if (outcome)
        succeed(std::move(*outcome));
    else
        fail_with(outcome.error());
}

void Renewal::succeed(ExecCredential credential) {
    credential_ = std::move(credential);
    const auto now = clock_.wall();
    const auto expires = credential_->expires;
    if (expires && *expires <= now)
        return fail_with({.text = "exec plugin " + access_.exec->command + " gave a credential that expired at " +
                                  date_of(*expires) + ", before it was given: is a clock wrong?",
                          .code = 0});
    error_.clear();
    failures_ = 0;
    if (expires) renew_at_ = renewal_time(now, *expires);
}

void Renewal::fail_with(const Error& error) {
    error_ = error.text;
    wanted_ = true;
    ++failures_;
    pause();
}

/// Each failure doubles it.
void Renewal::pause() {
    const auto doublings = std::min(failures_ > 0 ? failures_ - 1 : 0, kMostDoublings);
    earliest_ = clock_.now() + std::min(pace_.between_runs * (1 << doublings), pace_.longest_pause);
}

std::optional<std::chrono::milliseconds> Renewal::until_due() const {
    if (plugin_ || (!wanted_ && !renew_at_)) return std::nullopt; // a running plugin has its own deadline
    std::chrono::milliseconds wait = std::chrono::ceil<std::chrono::milliseconds>(earliest_ - clock_.now());
    if (!wanted_) wait = std::max<std::chrono::milliseconds>(wait, *renew_at_ - clock_.wall());
    return std::clamp(wait, 1ms, kLongestSleep);
}

void Renewal::arm() {
    itimerspec spec{}; // all zero: never
    if (const auto wait = until_due()) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*wait);
        spec.it_value = {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(*wait - seconds).count()};
    }
    timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

} // namespace bulkhead::source::kube
