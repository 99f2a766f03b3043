// SPDX-License-Identifier: Apache-2.0
//
// Our entry in a CNI configuration list. Everything else in there stays as it is, in its order. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cni/netconf.h"

namespace bulkhead::cni {

/// With our entry as the last, so that it sees what all others made. Nothing if it is so already. An error: it isn't
/// understood, and better left alone.
Result<std::optional<std::string>> with_entry(const std::string& conflist, const Json& entry);

/// Without any entry of ours. Nothing if there is none.
Result<std::optional<std::string>> without_entry(const std::string& conflist);

} // namespace bulkhead::cni
