// SPDX-License-Identifier: Apache-2.0
//
// Programs that run side by side, and whoever listens to all of them. They end with the call. How long one is silent
// is counted while we listen alone: not while a callback waits (for a pager, say), nor while we are stopped. One
// thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::ctl {

/// argv; [0] is looked for in PATH.
using Command = std::vector<std::string>;

struct Crowd {
    std::vector<Command> commands;
    size_t at_once = 32;
    std::optional<std::chrono::seconds> patience; // with one that says nothing; nothing = for ever
    std::optional<std::chrono::seconds> pause;    // the same, once it has said something; nothing = the same length
    std::optional<std::chrono::seconds> total;    // for all that one says, our own slowness apart; nothing = for ever
    std::optional<size_t> longest;                // bytes of all that one says

    // By index of `commands`. Each may be left out but `bytes`.
    std::function<void(size_t, std::string_view)> bytes;       // of its stdout
    std::function<void(size_t, const std::string& why)> ended; // `why` as below
    std::function<void(size_t, std::chrono::seconds)> silent;  // once for each silence; without it, that is an end
    std::function<void(size_t, int code)> exited;              // by itself, and before `ended`
    std::function<void(size_t)> back;  // one that was silent says something, and `bytes` comes next
    std::function<bool(size_t)> wants; // is more of it wanted now? Asked often; it waits meanwhile
    std::function<bool()> enough;      // asked at least ten times a second
    std::vector<int> wakes;            // descriptors: readable or in error, `enough` is asked at once

    /// For each, what went wrong: the first thing that it said on stderr, or how it ended. Empty = nothing, or it was
    /// ended because there was enough.
    std::vector<std::string> run();
};

} // namespace bulkhead::ctl
