// SPDX-License-Identifier: Apache-2.0
//
// Whether colours are wanted, and the few that there are.
#pragma once

#include <string>
#include <string_view>

#include "bulkhead/abi.h"

namespace bulkhead::ctl {

/// `asked` is "auto", "always" or "never". Automatic is: on a terminal, but neither with a NO_COLOR that isn't empty
/// (no-color.org) nor with TERM=dumb.
bool wants_colour(std::string_view asked, bool is_terminal, const char* no_color, const char* term);

enum class Colour : uint8_t { kName, kDim, kGreen, kYellow, kRed, kHot };

Colour colour_of(bh_verdict verdict);

/// The text in that colour; as it is, unless `wanted`.
std::string painted(std::string text, Colour colour, bool wanted);

} // namespace bulkhead::ctl
