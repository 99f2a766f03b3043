// SPDX-License-Identifier: Apache-2.0
//
// How a plugin fails: as the CNI specification has it ("Error"), so that the runtime can put it into the pod's events.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace bulkhead::cni {

enum class Code : unsigned { // the specification's
    kIncompatibleVersion = 1,
    kUnsupportedField = 2,
    kInvalidEnvironment = 4,
    kIo = 5,
    kDecode = 6,
    kInvalidConfig = 7,
    kTryAgainLater = 11,
    kNotAvailable = 50, // STATUS: no pod can be added now
};

struct Failure {
    Code code;
    std::string msg;
    std::string details{};
};

template <typename T = void>
using Outcome = tl::expected<T, Failure>;

inline tl::unexpected<Failure> failure(Code code, std::string msg, std::string details = {}) {
    return tl::unexpected<Failure>({code, std::move(msg), std::move(details)});
}

} // namespace bulkhead::cni
