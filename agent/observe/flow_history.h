// SPDX-License-Identifier: Apache-2.0
//
// The last flows, bounded in number and in bytes, the names that they share included: the newest push out the oldest.
// What was allowed and what was refused (or audited) are kept apart, and whichever there is more of gives way: so a
// flood of one leaves the other at least half of the room. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

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

    std::vector<SeenFlow> flows() const; // oldest first
    size_t size() const { return rings_[kAllowed].flows.size() + rings_[kRefused].flows.size(); }
    size_t bytes() const { return bytes_; }

    enum Ring : uint8_t { kAllowed, kRefused, kRings };
    /// The time of the newest flow of these that isn't kept any more, or never was; nothing = all are.
    std::optional<flow::Time> forgotten(Ring ring) const { return rings_[ring].forgotten; }

private:
    struct Kept {
        std::deque<SeenFlow> flows; // oldest first
        std::optional<flow::Time> forgotten;
    };
    static void forget(Kept& ring, const SeenFlow& flow);
    void drop_oldest();
    template <typename Name>
    void hold(const Name& name);
    template <typename Name>
    void release(const Name& name);

    Limits limits_;
    std::array<Kept, kRings> rings_;
    std::unordered_map<const void*, size_t> uses_; // of names, by the flows here
    size_t bytes_ = 0;
};

} // namespace bulkhead::observe
