// SPDX-License-Identifier: Apache-2.0
//
// Names of hosts as users write them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace bulkhead::dns {

/// The one spelling of a name: lower case, without the root's dot. Names are absolute, so one without a dot inside,
/// which could only mean something with a search domain, is refused; so is an address (RFC 1123, 2.1: no name's last
/// label is a number). Underscores are taken: some names have them.
Result<std::string> hostname_of(std::string_view written);

} // namespace bulkhead::dns
