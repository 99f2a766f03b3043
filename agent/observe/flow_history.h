// SPDX-License-Identifier: Apache-2.0
//
// The last flows, bounded in number and in bytes, the names that they share included: the newest push out the oldest.
// One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "observe/seen_flow.h"

namespace bulkhead::observe {

class FlowHistory {
public:
    struct Limits {
        size_t flows = 16384;
        size_t bytes = 16 << 20;
    };
    explicit FlowHistory(Limits limits) : limits_(limits) {}

    void add(const SeenFlow& flow);

    const std::deque<SeenFlow>& flows() const { return flows_; } // oldest first
    size_t bytes() const { return bytes_; }

private:
    void drop_oldest();
    template <typename Name>
    void hold(const Name& name);
    template <typename Name>
    void release(const Name& name);

    Limits limits_;
    std::deque<SeenFlow> flows_;
    std::unordered_map<const void*, size_t> uses_; // of names, by the flows here
    size_t bytes_ = 0;
};

} // namespace bulkhead::observe
