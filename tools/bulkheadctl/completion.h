// SPDX-License-Identifier: Apache-2.0
//
// Completion for shells, written from the command line's own description, so that it never knows less than that does.
#pragma once

#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace bulkhead::ctl {

enum class Shell : uint8_t { kBash, kZsh, kFish };

/// A script to source. What a value is completed from: the choices of the option's checks ("{a,b}"), files where its
/// text says FILE or DIR, else nothing.
std::string completion_script(const CLI::App& app, Shell shell);

} // namespace bulkhead::ctl
