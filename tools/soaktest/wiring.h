// SPDX-License-Identifier: Apache-2.0
//
// Wires pods and takes them away, by podnet in a process that stays (wiring.py). One thread at a time.
#pragma once

#include <optional>

#include "pod.h"
#include "stage.h"
#include "support/process.h"

namespace bulkhead::soak {

class Wiring {
public:
    static Result<Wiring> start(const Stage& stage);

    /// The host's end of its veth.
    Result<std::string> add(const Pod& pod);
    Result<> remove(const Pod& pod);

private:
    Wiring(test::Process process, Fd commands) : process_(std::move(process)), commands_(std::move(commands)) {}
    Result<std::string> tell(const std::string& command);

    test::Process process_;
    Fd commands_; // closed before the process is
    uint64_t told_ = 0;
};

} // namespace bulkhead::soak
