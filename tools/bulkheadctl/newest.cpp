// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/newest.h"

#include <utility>

namespace bulkhead::ctl {

namespace {

constexpr size_t kMostUndroppable = 4 << 20; // bytes

} // namespace

void Newest::add(std::string line, bool is_droppable) {
    if (!is_droppable) {
        if (undroppable_bytes_ + line.size() > kMostUndroppable) return sink_(line);
        undroppable_bytes_ += line.size();
    }
    lines_.push_back({.text = std::move(line), .is_droppable = is_droppable});
    droppable_ += is_droppable ? 1 : 0;
    give_undroppable();
    if (droppable_ <= most_) return;
    lines_.pop_front(); // the oldest that is droppable: whatever was before it has gone on
    --droppable_;
    give_undroppable();
}

void Newest::finish() {
    for (const auto& line : std::exchange(lines_, {}))
        sink_(line.text);
    droppable_ = undroppable_bytes_ = 0;
}

void Newest::give_undroppable() {
    for (; !lines_.empty() && !lines_.front().is_droppable; lines_.pop_front()) {
        undroppable_bytes_ -= lines_.front().text.size();
        sink_(lines_.front().text);
    }
}

} // namespace bulkhead::ctl
