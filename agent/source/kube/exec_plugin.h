// SPDX-License-Identifier: Apache-2.0
//
// One run of a credential plugin, from its start to what it printed, without waiting for it: the owner's epoll
// learns when there is something to do, and work() does it. A plugin gets no stdin, no file of ours, and a process
// group of its own, which is killed if the run is given up or destroyed. What it prints to stderr is for messages.
//
// One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "source/kube/exec_credential.h"

namespace bulkhead::source::kube {

struct PluginLimits {
    std::chrono::milliseconds deadline{30'000};
    size_t output = 256 << 10; // bytes of stdout, beyond which it can't be a credential
    size_t errors = 2 << 10;   // bytes of stderr that are kept, the last ones
};

/// The end of a pipe, and what came out of it.
class Capture {
public:
    explicit Capture(Fd fd) : fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }

    /// Takes what is there, up to a pipe's capacity. At its end the pipe is closed.
    void drain(int epoll);

    void keep_last(size_t bytes);
    const std::string& text() const { return text_; }

private:
    Fd fd_;
    std::string text_;
};

class ExecPlugin {
public:
    /// Of an access that has one. Adds its fds to `epoll`, which must outlive it.
    static Result<std::unique_ptr<ExecPlugin>> start(const Access& access, int epoll, const PluginLimits& limits = {});
    ExecPlugin(const ExecPlugin&) = delete;
    ExecPlugin& operator=(const ExecPlugin&) = delete;
    ~ExecPlugin();

    /// The outcome, once there is one: then this is over.
    std::optional<Result<ExecCredential>> work();

private:
    struct Parts {
        pid_t pid;
        Fd pidfd;
        Fd output;
        Fd errors;
        Fd deadline;
    };

    ExecPlugin(const ExecCommand& command, const PluginLimits& limits, int epoll, Parts parts);

    Result<> listen();
    bool ended();
    bool overdue() const;
    Result<ExecCredential> outcome() const;
    tl::unexpected<Error> failed(const std::string& how) const;

    std::string name_;
    std::string api_version_;
    PluginLimits limits_;
    int epoll_;
    pid_t pid_;
    Fd pidfd_;
    Capture output_;
    Capture errors_;
    Fd deadline_;
    std::optional<int> status_; // as waitpid() has it; absent while it runs
};

} // namespace bulkhead::source::kube
