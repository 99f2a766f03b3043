// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "support/process.h"
#include "support/require.h"

namespace bulkhead::test {

/// Mounted as on a node, where the agent finds one. It takes along what is pinned in it.
class Bpffs {
public:
    explicit Bpffs(std::string at) : at_(std::move(at)) {
        std::filesystem::create_directories(at_);
        require(run_command({"mount", "-t", "bpf", "bpf", at_}));
    }
    ~Bpffs() { (void)run_command({"umount", at_}); }
    Bpffs(const Bpffs&) = delete;

private:
    std::string at_;
};

} // namespace bulkhead::test
