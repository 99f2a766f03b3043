// SPDX-License-Identifier: Apache-2.0
//
// A token that somebody keeps fresh in a file: read whenever it is needed, so it is never an old one.
#pragma once

#include <string>

#include "base/result.h"

namespace bulkhead::aws {

/// Without white space at its ends. Fails on what can't be a token: nothing, or something with control characters,
/// which would become lines of a request's head.
Result<std::string> check_secret(const std::string& text);

Result<std::string> read_secret_file(const std::string& path);

} // namespace bulkhead::aws
