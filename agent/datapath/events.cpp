// SPDX-License-Identifier: Apache-2.0
#include "datapath/events.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstring>

#include "datapath/test_run.h"

namespace bulkhead::datapath {

namespace {

constexpr int kEnough = -EAGAIN;
constexpr uint32_t kSumsAtOnce = 512;

} // namespace

/// libbpf goes on until the ring is empty, which under a flood is never, or until somebody says an error.
int Events::take(void* context, void* data, size_t size) {
    auto& sink = *static_cast<Sink*>(context);
    bh_event event{};
    if (size < sizeof event) return 0; // an older version's, whose programs are being replaced
    std::memcpy(&event, data, sizeof event);
    sink.handler(event);
    return --sink.left == 0 ? kEnough : 0;
}

void Events::Free::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

Result<Events> Events::create(const Maps& maps, Handler handler) {
    Events events;
    events.sink_ = std::make_unique<Sink>(Sink{.handler = std::move(handler)});
    events.ring_.reset(ring_buffer__new(maps.events.fd(), take, events.sink_.get(), nullptr));
    if (!events.ring_) return fail("open the event ring", errno);
    return events;
}

int Events::epoll_fd() const {
    return ring_buffer__epoll_fd(ring_.get());
}

Result<size_t> Events::consume(size_t most) {
    sink_->left = most;
    const int count = ring_buffer__consume(ring_.get());
    if (count < 0 && count != kEnough) return fail("read the event ring", -count);
    return most - sink_->left;
}

Result<> take_untold(const Maps& maps, std::optional<uint32_t>& place, const Events::Handler& handler) {
    return maps.untold.take_some(place, kSumsAtOnce, [&](const bh_untold_key&, const bh_event& sum) {
        if (sum.packets != 0) handler(sum); // else only those with a port or a network of their own were seen
    });
}

Result<> tell_rest(const Programs& programs) {
    const std::array<std::byte, 14> frame{};
    for (uint32_t set = 0; set < BH_TOLD_SETS; set += BH_TOLD_SETS_PER_RUN)
        if (const auto run = test_run(programs.tell_rest.get(), frame, {.cb = {set}}); !run)
            return within("tell of refused conversations", run.error());
    return {};
}

} // namespace bulkhead::datapath
