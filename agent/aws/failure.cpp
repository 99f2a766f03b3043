// SPDX-License-Identifier: Apache-2.0
#include "aws/failure.h"

namespace bulkhead::aws {

const char* name_of(Failure::Kind kind) {
    switch (kind) {
    case Failure::Kind::kCredentials:
        return "credentials";
    case Failure::Kind::kDenied:
        return "denied";
    case Failure::Kind::kThrottled:
        return "throttled";
    case Failure::Kind::kUnavailable:
        return "unavailable";
    case Failure::Kind::kRefused:
        return "refused";
    case Failure::Kind::kUnreadable:
        return "unreadable";
    case Failure::Kind::kTooLarge:
        return "too-large";
    case Failure::Kind::kStopped:
        return "stopped";
    }
    return "unknown";
}

} // namespace bulkhead::aws
