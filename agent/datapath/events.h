// SPDX-License-Identifier: Apache-2.0
//
// The programs' events, in the order in which they happened on each CPU. Wait for epoll_fd() to become
// readable, then call consume(). One reader per ring. One thread.
#pragma once

#include <functional>
#include <memory>

#include "datapath/maps.h"

struct ring_buffer;

namespace bulkhead::datapath {

class Events {
public:
    using Handler = std::function<void(const bh_event&)>;

    static Result<Events> create(const Maps& maps, Handler handler);

    int epoll_fd() const;

    /// Hands all that are there to the handler; how many.
    Result<size_t> consume();

private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };

    std::unique_ptr<Handler> handler_; // its address is the ring's context
    std::unique_ptr<ring_buffer, Free> ring_;
};

} // namespace bulkhead::datapath
