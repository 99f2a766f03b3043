// SPDX-License-Identifier: Apache-2.0
#include "datapath/events.h"

#include <bpf/libbpf.h>

#include <cstring>

namespace bulkhead::datapath {

namespace {

int on_sample(void* context, void* data, size_t size) {
    bh_event event{};
    if (size < sizeof(event)) return 0;
    std::memcpy(&event, data, sizeof(event));
    (*static_cast<Events::Handler*>(context))(event);
    return 0;
}

} // namespace

void Events::Free::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

Result<Events> Events::create(const Maps& maps, Handler handler) {
    Events events;
    events.handler_ = std::make_unique<Handler>(std::move(handler));
    events.ring_.reset(ring_buffer__new(maps.events.fd(), on_sample, events.handler_.get(), nullptr));
    if (!events.ring_) return fail("open the event ring", errno);
    return events;
}

int Events::epoll_fd() const {
    return ring_buffer__epoll_fd(ring_.get());
}

Result<size_t> Events::consume() {
    const int count = ring_buffer__consume(ring_.get());
    if (count < 0) return fail("read the event ring", -count);
    return static_cast<size_t>(count);
}

} // namespace bulkhead::datapath
