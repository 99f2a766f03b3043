// SPDX-License-Identifier: Apache-2.0
//
// Why a look-up has no answer: in words for people, and as one of a few kinds, by which a caller decides what to do and
// a condition says its reason. Whatever the kind, what was found out before stays true for a while.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace bulkhead::aws {

struct Failure {
    enum class Kind : uint8_t {
        kCredentials, // there are none, or AWS doesn't take them
        kDenied,      // an IAM policy is missing, or says no
        kThrottled,   // by AWS, or by our own budget
        kUnavailable, // no connection, no answer in time, or AWS says that the trouble is its own
        kRefused,     // AWS says that the request makes no sense: a name that doesn't exist, for instance
        kUnreadable,  // the answer isn't what AWS' reference says
        kTooLarge,    // the answer is larger than we are ready to hold
        kStopped,     // we were told to end
    };
    Kind kind = Kind::kUnavailable;
    std::string text;
    std::string code{}; // AWS' own, where it gave one: "UnauthorizedOperation"
};

template <typename T = void>
using Answer = tl::expected<T, Failure>;

inline tl::unexpected<Failure> failure(Failure::Kind kind, std::string text) {
    return tl::unexpected(Failure{.kind = kind, .text = std::move(text)});
}

/// Puts an action in front of a failure that came from below.
inline tl::unexpected<Failure> within(const std::string& action, Failure failure) {
    failure.text = action + ": " + failure.text;
    return tl::unexpected(std::move(failure));
}

/// As labels and conditions have it: "throttled".
const char* name_of(Failure::Kind kind);

} // namespace bulkhead::aws
