// SPDX-License-Identifier: Apache-2.0
//
// The keys to sign with, now: kept, and fetched again a quarter of an hour before they expire (or a quarter of their
// life, if that is less). Where that fails, the old ones stay in use until they expire, and it is tried again, ever
// less often, at last once a minute. Keys that AWS refuses are fetched again at the next use.
//
// One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aws/clock.h"
#include "aws/failure.h"
#include "aws/key_source.h"

namespace bulkhead::aws {

class Credentials {
public:
    /// `clock` outlives it.
    Credentials(std::unique_ptr<KeySource> source, const Clock& clock) : source_(std::move(source)), clock_(clock) {}

    /// A failure's text says what was tried and why that failed; its code is the one with which AWS refused the keys.
    Answer<Keys> current(const std::stop_token& stop);

    /// AWS doesn't take them, with that code. Means nothing where others are in use meanwhile.
    void refused(const Keys& keys, const std::string& code);

    struct View {
        std::string source;                 // empty: no keys yet
        std::optional<Clock::Wall> expires; // none: never, or no keys yet
        std::string error;                  // of the last fetch; there may be keys nevertheless
    };
    View view() const;

private:
    void fetch(const std::stop_token& stop);
    void take(Keys keys);
    bool is_due() const;
    bool is_usable() const;

    std::unique_ptr<KeySource> source_;
    const Clock& clock_;

    std::optional<Keys> keys_;
    Clock::Wall renewal_{};   // from when on others are looked for
    bool distrusted_ = false; // AWS refused them
    std::string refusal_;     // with this code
    std::string error_;
    Clock::Steady next_try_{}; // not before
    Clock::Milliseconds pause_{0};
};

} // namespace bulkhead::aws
