// SPDX-License-Identifier: Apache-2.0
#include "datapath/flow_slots.h"

#include <bpf/bpf.h>

#include <memory>
#include <system_error>
#include <utility>

namespace bulkhead::datapath {

namespace {

using namespace std::chrono_literals;

constexpr size_t kMostPending = 64; // threads
constexpr auto kLook = 20us;        // again, whether it is in force

std::optional<uint32_t> id_of(const Fd& map) {
    bpf_map_info info{};
    uint32_t size = sizeof info;
    if (bpf_map_get_info_by_fd(map.get(), &info, &size) != 0) return std::nullopt;
    return info.id;
}

bool is_here(const std::future<int>& answer) {
    return answer.wait_for(0s) == std::future_status::ready;
}

} // namespace

int FlowSlots::put(uint32_t slot, Fd table) {
    const auto id = id_of(table);
    if (!id) return errno;
    const auto shared = std::make_shared<Fd>(std::move(table));
    return change(
        slot, [this, slot, shared] { return flows_.put(slot, static_cast<uint32_t>(shared->get())); },
        [&] { return flows_.find(slot) == id; });
}

int FlowSlots::remove(uint32_t slot) {
    return change(
        slot, [this, slot] { return flows_.remove(slot); }, [&] { return !flows_.find(slot); });
}

int FlowSlots::change(uint32_t slot, std::function<int()> ask, const std::function<bool()>& in_force) {
    std::erase_if(pending_, [](const auto& entry) { return is_here(entry.second); });
    pending_.erase(slot); // waits for it
    if (pending_.size() >= kMostPending) pending_.erase(pending_.begin());
    Answer answer;
    try {
        answer = std::async(std::launch::async, ask);
    } catch (const std::system_error&) { // no thread to be had: then this one waits
        return ask();
    }
    while (!in_force())
        if (answer.wait_for(kLook) == std::future_status::ready) return answer.get();
    pending_.emplace(slot, std::move(answer));
    return 0;
}

} // namespace bulkhead::datapath
