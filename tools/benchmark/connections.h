// SPDX-License-Identifier: Apache-2.0
//
// Real TCP connections of pods, for what only the pods' own sockets know: one network namespace, in which
// every address of the scene is local, plays all pods and their peers. The process itself moves into
// another new network namespace, which numbers that one; both go when the process ends.
#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "scene.h"

namespace bulkhead::bench {

class Connections {
public:
    /// Before any other thread starts.
    static Result<Connections> create();

    /// Servers on `port` at all addresses of both families.
    Result<> listen_on(uint16_t port);

    /// The pod's side of each conversation connects to its peer.
    Result<> connect(const std::vector<Conversation>& conversations, uint8_t family);

    /// The pods' network namespace, as this process's numbers it.
    int32_t nsid() const { return nsid_; }

private:
    Fd own_;
    Fd pods_;
    int32_t nsid_ = -1;
    std::vector<Fd> sockets_;
};

} // namespace bulkhead::bench
