// SPDX-License-Identifier: Apache-2.0
//
// What a pod listens with: each port in both families, by UDP and TCP. Whatever comes is sent back, and judged: a
// message that the rule forbade when it was sent, and ever since, must not be here. On the traffic's thread.
#pragma once

#include <functional>

#include "base/fd.h"
#include "pod.h"
#include "stamp.h"

namespace bulkhead::soak {

/// What judges messages that arrive, and tells their conversation.
using Arrival = std::function<void(const Stamp&, const Pod&, Port)>;

class Door {
public:
    Door(PodPtr pod, Port port, Fd fd, Arrival arrival)
        : pod_(std::move(pod)), port_(port), fd_(std::move(fd)), arrival_(std::move(arrival)) {}
    virtual ~Door() = default;

    const Fd& fd() const { return fd_; }
    const Pod& pod() const { return *pod_; }
    bool is_over() const { return over_; }
    /// Hands back connections that came in, if it takes such.
    virtual std::vector<std::unique_ptr<Door>> ready() = 0;
    /// Sends the answers that are due by now.
    virtual void tick(Time) {}
    virtual bool is_connection() const { return false; }

protected:
    const PodPtr pod_;
    const Port port_;
    const Fd fd_;
    const Arrival arrival_;
    bool over_ = false;
};

/// All of a pod's; the thread is in its namespace.
Result<std::vector<std::unique_ptr<Door>>> open_doors(const PodPtr& pod, const Arrival& arrival);

} // namespace bulkhead::soak
