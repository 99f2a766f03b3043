// SPDX-License-Identifier: Apache-2.0
//
// The agent as a process of its own, in network and mount namespaces that the bench made for itself, so that
// nothing of it is left when the bench ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::bench {

/// Moves this process into new network and mount namespaces with a bpffs of their own at `bpffs`.
Result<> isolate(const std::filesystem::path& bpffs);

class AgentProcess {
public:
    struct Settings {
        std::filesystem::path binary;
        std::filesystem::path source;  // the directory of manifests
        std::filesystem::path pin_dir; // on a bpffs
        std::filesystem::path work;    // for its socket and its log
        const char* attach = "auto";
        std::vector<std::string> more{}; // arguments
    };

    static Result<AgentProcess> start(const Settings& settings);
    AgentProcess(AgentProcess&& other) noexcept;
    AgentProcess(const AgentProcess&) = delete;
    /// Ends it, and waits for its end.
    ~AgentProcess();

    /// Until /readyz says 200.
    Result<> wait_until_ready(std::chrono::seconds patience) const;

    Result<uint64_t> resident_bytes() const;
    /// Of all its threads so far, as the scheduler counts it.
    Result<std::chrono::nanoseconds> cpu_time() const;

private:
    explicit AgentProcess(pid_t pid) : pid_(pid) {}

    pid_t pid_;
};

} // namespace bulkhead::bench
