// SPDX-License-Identifier: Apache-2.0
//
// Answers in a network namespace, whatever asks: TCP and UDP echo on the given ports in both families, and
// SCTP on every port. The kernel need not know SCTP: an INIT is answered by an ABORT from a raw socket.
// (ICMP echo the kernel answers by itself.) One thread, which ends with the handle.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "support/sockets.h"

namespace bulkhead::test {

class EchoServer {
public:
    static Result<EchoServer> start(const Netns& netns, std::vector<uint16_t> ports);
    EchoServer(EchoServer&&) noexcept;
    EchoServer& operator=(EchoServer&&) = delete;
    ~EchoServer();

private:
    struct Loop;
    explicit EchoServer(std::unique_ptr<Loop> loop);

    std::unique_ptr<Loop> loop_;
    std::thread thread_;
};

} // namespace bulkhead::test
