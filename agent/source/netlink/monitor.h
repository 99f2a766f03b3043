// SPDX-License-Identifier: Apache-2.0
//
// Keeps a Network in step with the kernel by rtnetlink, in the network namespace where it was created:
// subscribes, then reads everything, then follows the news. Where news was lost (ENOBUFS) or doesn't
// tell the whole story, it reads everything again.
#pragma once

#include <memory>

#include "base/result.h"
#include "source/netlink/network.h"

struct mnl_socket;

namespace bulkhead::netlink {

struct CloseSocket {
    void operator()(mnl_socket* socket) const;
};
using Socket = std::unique_ptr<mnl_socket, CloseSocket>;

class Monitor {
public:
    /// Returns with the first complete read done.
    static Result<Monitor> create();

    int fd() const; // readable when there is news

    /// Takes in all pending news. After an error the network is as it was; call again.
    Result<> update();

    /// Reads everything anew, as after a loss.
    Result<> reread();

    const Network& network() const { return network_; }

    uint64_t overruns() const { return overruns_; } // times that the kernel dropped news
    uint64_t rereads() const { return rereads_; }   // complete reads after the first

private:
    explicit Monitor(Socket news) : news_(std::move(news)) {}

    Socket news_;
    Network network_;
    bool incomplete_ = false;
    uint64_t overruns_ = 0;
    uint64_t rereads_ = 0;
};

} // namespace bulkhead::netlink
