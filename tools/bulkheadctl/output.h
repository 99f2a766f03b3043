// SPDX-License-Identifier: Apache-2.0
//
// What is written while it comes: stdout without delay, and what ends it from outside: Ctrl-C, or a reader that has
// gone (`| head`). From the first Output on, and for the rest of the process, SIGINT and SIGTERM ask for an end and
// SIGPIPE does nothing. One thread.
#pragma once

#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead::ctl {

class Output {
public:
    static Result<Output> to_stdout();

    /// Waits until all of it is written, or nothing more can be. What is there when an end is asked for is still
    /// written, unless its reader takes nothing for a moment.
    void write(std::string_view text);

    /// Nobody wants more.
    bool ended() const;

    /// Becomes readable when an end is asked for.
    int interrupted_fd() const { return interrupted_.get(); }

    /// errno of a write that failed, but for a reader that has gone; 0 = none did.
    int failure() const { return failure_; }

private:
    explicit Output(Fd interrupted) : interrupted_(std::move(interrupted)) {}

    bool wait_for_room();

    Fd interrupted_;
    bool closed_ = false;
    int failure_ = 0;
};

/// Whether the reader of a pipe or socket on stdout has gone.
bool reader_has_gone();

} // namespace bulkhead::ctl
