// SPDX-License-Identifier: Apache-2.0
#include "traffic.h"

namespace bulkhead {

namespace {

using datapath::SlotCounters;

template <typename Combine>
void combine(SlotCounters& sum, const SlotCounters& other, Combine combine_numbers) {
    for (size_t direction = 0; direction < sum.size(); ++direction)
        for (size_t reason = 0; reason < sum[direction].size(); ++reason) {
            auto& into = sum[direction][reason];
            const auto& from = other[direction][reason];
            into.packets = combine_numbers(into.packets, from.packets);
            into.bytes = combine_numbers(into.bytes, from.bytes);
        }
}

void add(SlotCounters& sum, const SlotCounters& other) {
    combine(sum, other, [](uint64_t a, uint64_t b) { return a + b; });
}

void subtract(SlotCounters& sum, const SlotCounters& other) {
    combine(sum, other, [](uint64_t a, uint64_t b) { return a - b; });
}

} // namespace

void Traffic::follow(const std::map<uint16_t, state::LocalPod>& pods) {
    std::map<uint16_t, uint32_t> next;
    for (const auto& [slot, pod] : pods)
        next[slot] = pod.generation;
    if (!started_) { // pods that a former agent guarded have counted already
        started_ = true;
        subtract(gone_, value_of(0));
        for (const auto& [slot, generation] : next) {
            const auto row = maps_.pods.find(slot);
            if (row && row->generation == generation) subtract(gone_, value_of(slot));
        }
    }
    for (const auto& [slot, generation] : generations_) {
        const auto still = next.find(slot);
        if (still == next.end() || still->second != generation) add(gone_, value_of(slot));
    }
    generations_ = std::move(next);
}

Result<SlotCounters> Traffic::total() const {
    SlotCounters sum = gone_;
    std::set<uint16_t> slots{0};
    for (const auto& [slot, generation] : generations_)
        slots.insert(slot);
    for (const uint16_t slot : slots) {
        const auto counters = datapath::read_counters(maps_, slot);
        if (!counters) return tl::unexpected(counters.error());
        add(sum, *counters);
    }
    return sum;
}

SlotCounters Traffic::value_of(uint16_t slot) const {
    return datapath::read_counters(maps_, slot).value_or(SlotCounters{});
}

} // namespace bulkhead
