// SPDX-License-Identifier: Apache-2.0
//
// What requests are signed with, and how long that is good for. As the provider gave it: nothing is computed.
#pragma once

#include <optional>
#include <string>

#include "aws/clock.h"

namespace bulkhead::aws {

struct Keys {
    std::string access_key;
    std::string secret_key;
    std::string session_token{};          // empty: long-lived keys
    std::optional<Clock::Wall> expires{}; // none: never
    std::string source{};                 // "environment", "role arn:aws:iam::111122223333:role/bulkhead"
};

} // namespace bulkhead::aws
