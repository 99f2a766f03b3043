// SPDX-License-Identifier: Apache-2.0
//
// Recoverable errors are values. An error says what was tried, on what, and why it failed:
// "attach tcx to eni1a2b3c4d5e6: Operation not permitted".
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace bulkhead {

struct Error {
    std::string text;
    int code = 0; // errno where there was one
};

template <typename T = void>
using Result = tl::expected<T, Error>;

/// "what: reason"
inline tl::unexpected<Error> fail(std::string what, int code = 0) {
    if (code != 0) {
        what += ": ";
        what += std::strerror(code);
    }
    return tl::unexpected<Error>(Error{std::move(what), code});
}

/// Puts an action in front of an error that came from below.
inline tl::unexpected<Error> within(const std::string& action, const Error& error) {
    return tl::unexpected<Error>(Error{action + ": " + error.text, error.code});
}

} // namespace bulkhead
