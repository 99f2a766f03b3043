// SPDX-License-Identifier: Apache-2.0
//
// The security token service: who we are, and keys of a role that we may take on. Regional endpoints only: the global
// one is a region's that may be away.
#pragma once

#include <string>

#include "aws/caller.h"
#include "aws/keys.h"

namespace bulkhead::aws {

struct Role {
    std::string arn;
    std::string external_id{};             // empty: none
    std::string session_name = "bulkhead"; // as CloudTrail shows it
    auto operator<=>(const Role&) const = default;
};

/// "111122223333", of an ARN; empty if it has none.
std::string account_of(const std::string& arn);

Answer<Keys> assume_role(Caller& caller, const Role& role);

/// Unsigned: the token says who asks.
Answer<Keys> assume_role_with_token(Client& client, const std::string& region, const Role& role,
                                    const std::string& token, const std::stop_token& stop);

struct Identity {
    std::string account;
    std::string arn;
};
/// Needs no right.
Answer<Identity> caller_identity(Caller& caller);

} // namespace bulkhead::aws
