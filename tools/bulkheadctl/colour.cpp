// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/colour.h"

namespace bulkhead::ctl {

namespace {

/// SGR parameters (ECMA-48); the eight colours that every terminal has, so that the user's theme decides.
const char* code_of(Colour colour) {
    switch (colour) {
    case Colour::kName:
        return "36";
    case Colour::kDim:
        return "2";
    case Colour::kGreen:
        return "32";
    case Colour::kYellow:
        return "1;33";
    case Colour::kRed:
        return "1;31";
    case Colour::kHot:
        return "1;37;41";
    }
    return "0";
}

} // namespace

bool wants_colour(std::string_view asked, bool is_terminal, const char* no_color, const char* term) {
    if (asked != "auto") return asked == "always";
    const bool refused = no_color != nullptr && *no_color != '\0';
    const bool is_dumb = term != nullptr && std::string_view(term) == "dumb";
    return is_terminal && !refused && !is_dumb;
}

Colour colour_of(bh_verdict verdict) {
    switch (verdict) {
    case BH_VERDICT_ALLOW:
        return Colour::kGreen;
    case BH_VERDICT_AUDIT:
        return Colour::kYellow;
    default:
        return Colour::kRed;
    }
}

std::string painted(std::string text, Colour colour, bool wanted) {
    if (!wanted || text.empty()) return text;
    return "\x1b[" + std::string(code_of(colour)) + "m" + text + "\x1b[0m";
}

} // namespace bulkhead::ctl
