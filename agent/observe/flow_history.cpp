// SPDX-License-Identifier: Apache-2.0
#include "observe/flow_history.h"

#include <algorithm>
#include <iterator>

namespace bulkhead::observe {

namespace {

constexpr size_t kBlock = 64; // what the allocator and the containers add to a string or a node of a map, about

size_t size_of(const EndName& name) {
    if (!name) return 0;
    size_t size = sizeof(flow::End) + kBlock;
    for (const auto* text : {&name->ns, &name->name, &name->workload.kind, &name->workload.name, &name->tenant})
        size += text->size();
    for (const auto& [key, value] : name->labels)
        size += key.size() + value.size() + 2 * sizeof(std::string) + kBlock;
    return size;
}

size_t size_of(const std::shared_ptr<const std::string>& text) {
    return text ? text->size() + sizeof(std::string) + kBlock : 0;
}

} // namespace

template <typename Name>
void FlowHistory::hold(const Name& name) {
    if (name && uses_[name.get()]++ == 0) bytes_ += size_of(name);
}

template <typename Name>
void FlowHistory::release(const Name& name) {
    const auto used = uses_.find(name.get());
    if (used == uses_.end() || --used->second != 0) return;
    uses_.erase(used);
    bytes_ -= size_of(name);
}

void FlowHistory::add(const SeenFlow& flow) {
    auto& ring = rings_[flow.event.verdict == BH_VERDICT_ALLOW ? kAllowed : kRefused];
    if (limits_.flows == 0) return forget(ring, flow);
    ring.flows.push_back(flow);
    bytes_ += sizeof flow;
    hold(flow.source);
    hold(flow.destination);
    hold(flow.origin);
    while (size() > limits_.flows || (bytes_ > limits_.bytes && size() > 1))
        drop_oldest();
}

std::vector<SeenFlow> FlowHistory::flows() const {
    std::vector<SeenFlow> merged;
    merged.reserve(size());
    std::ranges::merge(
        rings_[kAllowed].flows, rings_[kRefused].flows, std::back_inserter(merged), {},
        [](const SeenFlow& flow) { return flow.event.time; }, [](const SeenFlow& flow) { return flow.event.time; });
    return merged;
}

void FlowHistory::forget(Kept& ring, const SeenFlow& flow) {
    const flow::Time time{std::chrono::nanoseconds(flow.event.time)};
    ring.forgotten = std::max(ring.forgotten.value_or(time), time);
}

void FlowHistory::drop_oldest() {
    auto& ring = *std::ranges::max_element(rings_, {}, [](const Kept& kept) { return kept.flows.size(); });
    const auto& flow = ring.flows.front();
    forget(ring, flow);
    bytes_ -= sizeof flow;
    release(flow.source);
    release(flow.destination);
    release(flow.origin);
    ring.flows.pop_front();
}

} // namespace bulkhead::observe
