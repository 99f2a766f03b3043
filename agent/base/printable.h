// SPDX-License-Identifier: Apache-2.0
//
// What tenants, users and files wrote, made fit for a terminal. A name must not move the cursor, change colours, write
// into the clipboard or turn the direction of the line.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead {

/// The text with control characters, line and paragraph separators, marks and overrides of the writing direction, and
/// what isn't UTF-8 written as "\x1b" or "\u202e". Line breaks count as control characters.
std::string printable(std::string_view text);

} // namespace bulkhead
