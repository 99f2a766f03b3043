// SPDX-License-Identifier: Apache-2.0
//
// Completion for shells, written from the command line's own description, so that it never knows less than that does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace bulkhead::ctl {

enum class Shell : uint8_t { kBash, kZsh, kFish };

/// A script to source. What a value is completed from: the choices of the option's checks ("{a,b}"), files where its
/// text says FILE or DIR, else nothing.
std::string completion_script(const CLI::App& app, Shell shell);

/// What kubectl asks its plugin's kubectl_complete-bulkhead: one line for each way to go on with the last of these
/// words, which may be empty, and at the end whether files are offered too (Cobra's ":0"), or not (":4").
std::string completions(const CLI::App& app, const std::vector<std::string>& words);

} // namespace bulkhead::ctl
