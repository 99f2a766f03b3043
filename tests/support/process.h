// SPDX-License-Identifier: Apache-2.0
//
// Child processes of tests: the agent, podnet, ip. Known by pid, output kept, and gone when the handle is.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "support/deadline.h"

namespace bulkhead::test {

class Netns;

class Process {
public:
    struct Options {
        const Netns* netns = nullptr;          // where it runs; none = here
        std::optional<std::string> input = {}; // all that it reads from stdin; none = ours
        bool ends_with_thread = false;         // killed when the calling thread ends, so also when this process is
    };

    /// argv[0] is looked for in PATH. Comes back when the program runs.
    static Result<Process> start(const std::vector<std::string>& argv, const Options& options);
    static Result<Process> start(const std::vector<std::string>& argv, const Netns* netns = nullptr);
    Process(Process&&) = default;
    Process& operator=(Process&&) = delete;
    /// SIGKILL, if it still runs. Whoever wants it to end well says so before.
    ~Process();

    pid_t pid() const { return pid_; }
    bool running() { return !wait(Clock::now()); }

    /// What it has written to stdout and stderr so far.
    std::string output() const;
    bool wait_for_output(std::string_view text, Deadline deadline) const;

    void signal(int number) const;
    /// Its exit status as a shell has it (128 + signal); nothing if it still runs at the deadline.
    std::optional<int> wait(Deadline deadline);
    /// SIGTERM, then wait().
    std::optional<int> stop(Deadline deadline);

private:
    Process(pid_t pid, Fd pidfd, Fd output) : pid_(pid), pidfd_(std::move(pidfd)), output_(std::move(output)) {}

    pid_t pid_;
    Fd pidfd_; // invalid once moved from
    Fd output_;
    std::optional<int> status_;
};

/// Runs to its end. An exit status other than 0 is an error that carries the output.
Result<std::string> run_command(const std::vector<std::string>& argv, Clock::duration limit = 20s);

} // namespace bulkhead::test
