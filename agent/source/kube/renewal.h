// SPDX-License-Identifier: Apache-2.0
//
// Keeps a credential from a plugin fresh: runs the plugin at the start, ahead of the credential's expiry, and when
// the server refuses it; never two at a time, never faster than every few seconds, later and later while it fails.
// The last credential stays until there is a better one, even beyond its expiry: whose clock is right is the
// server's to say, and it does.
//
// One thread. The owner calls work() when its epoll has something, and whenever the credential is used.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "source/kube/clock.h"
#include "source/kube/exec_plugin.h"

namespace bulkhead::source::kube {

struct Pace {
    std::chrono::milliseconds between_runs{5'000};
    std::chrono::milliseconds longest_pause{60'000};
    PluginLimits plugin{};
};

/// When to ask for the next: at 80 % of its life or a minute before its end, whichever is sooner, but not before
/// half of its life.
Clock::Wall renewal_time(Clock::Wall now, Clock::Wall expires);

class Renewal {
public:
    /// Of an access with a plugin; `access`, `epoll` and `clock` outlive it.
    static Result<std::unique_ptr<Renewal>> create(const Access& access, int epoll, const Clock& clock,
                                                   const Pace& pace);
    Renewal(const Renewal&) = delete;
    Renewal& operator=(const Renewal&) = delete;

    /// Takes what the plugin printed, runs it if that is due.
    void work();

    /// The server doesn't accept the credential.
    void refused();

    bool running() const { return plugin_ != nullptr; }
    const std::optional<ExecCredential>& credential() const { return credential_; }
    const std::string& error() const { return error_; } // of the last run; empty = it was good

private:
    Renewal(const Access& access, int epoll, const Clock& clock, const Pace& pace, Fd timer)
        : access_(access), epoll_(epoll), clock_(clock), pace_(pace), timer_(std::move(timer)) {}

    bool due() const;
    void start();
    void take(Result<ExecCredential> outcome);
    void succeed(ExecCredential credential);
    void fail_with(const Error& error);
    void pause();
    void arm();
    std::optional<std::chrono::milliseconds> until_due() const;

    const Access& access_;
    int epoll_;
    const Clock& clock_;
    Pace pace_;
    Fd timer_;

    std::unique_ptr<ExecPlugin> plugin_; // while it runs
    std::optional<ExecCredential> credential_;
    std::string error_;
    bool wanted_ = true;                  // whatever the credential's expiry
    std::optional<Clock::Wall> renew_at_; // the credential's
    uint32_t failures_ = 0;               // in a row
    Clock::Steady earliest_{};            // no run before
};

} // namespace bulkhead::source::kube
