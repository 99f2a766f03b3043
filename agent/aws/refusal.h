// SPDX-License-Identifier: Apache-2.0
//
// What AWS says when it doesn't do what it was asked: a code, a sentence and the request's id, in XML of two kinds or
// in JSON, and what follows from the code. The lists of codes are those that AWS' own SDKs keep.
//
// Pure functions.
#pragma once

#include <string>

#include "aws/failure.h"
#include "aws/http.h"

namespace bulkhead::aws {

struct Refusal {
    std::string code; // "RequestLimitExceeded"; empty: the body said none
    std::string message;
    std::string request_id;
};

Refusal read_refusal(const HttpResponse& response);

Failure::Kind kind_of(const Refusal& refusal, long status);

/// Trying again may help, with nothing changed.
bool is_passing(Failure::Kind kind);

/// What a wrong clock can be the reason of.
bool may_be_skew(const Refusal& refusal);

/// "UnauthorizedOperation: You are not authorized to ... (request 59dbff89-...)"
std::string text_of(const Refusal& refusal, long status);

} // namespace bulkhead::aws
