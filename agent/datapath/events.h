// SPDX-License-Identifier: Apache-2.0
//
// The programs' events, in the order in which they happened on each CPU. Wait for epoll_fd() to become
// readable, then call consume(). One reader per ring. One thread.
//
// What is refused the programs count, and tell the more of it the longer it goes on: of what fell silent tell_rest()
// makes them tell.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "datapath/maps.h"

struct ring_buffer;

namespace bulkhead::datapath {

class Events {
public:
    using Handler = std::function<void(const bh_event&)>;

    static Result<Events> create(const Maps& maps, Handler handler);

    int epoll_fd() const;

    /// Hands what is there to the handler, `most` at most; how many.
    Result<size_t> consume(size_t most = SIZE_MAX);

private:
    struct Free {
        void operator()(ring_buffer* ring) const;
    };

    struct Sink {
        Handler handler;
        size_t left = 0;
    };
    static int take(void* sink, void* data, size_t size);

    std::unique_ptr<Sink> sink_; // its address is the ring's context
    std::unique_ptr<ring_buffer, Free> ring_;
};

/// Of what no event tells the sums, some hundreds at most, which are gone then; as events without what tells one
/// conversation of two ends from the next (bulkhead/untold.h). `place` says where to go on, and is nothing when all
/// were seen. Now and then.
Result<> take_untold(const Maps& maps, std::optional<uint32_t>& place, const Events::Handler& handler);

/// Lets the programs tell what is due about refused conversations that nobody tries any more. Now and then.
Result<> tell_rest(const Programs& programs);

} // namespace bulkhead::datapath
