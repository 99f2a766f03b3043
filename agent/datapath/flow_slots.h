// SPDX-License-Identifier: Apache-2.0
//
// Which slot has which flow table. The kernel answers a change of a map of maps only after a grace period of RCU, 10 ms
// and more, though it is in force at once: a thread for each waits for the answer, so that no pod waits to be guarded
// because another one has come or gone. A slot's next change waits for its last one's answer: by then no program is in
// the midst of a packet of the pod before. One thread; the destructor waits for all answers.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>

#include "base/fd.h"
#include "datapath/map.h"

namespace bulkhead::datapath {

class FlowSlots {
public:
    /// `flows` must outlive it.
    explicit FlowSlots(const Map<uint32_t, uint32_t>& flows) : flows_(flows) {}
    FlowSlots(const FlowSlots&) = delete;

    /// 0 or an errno; it is in force then.
    int put(uint32_t slot, Fd table);
    int remove(uint32_t slot);

private:
    using Answer = std::future<int>;
    int change(uint32_t slot, std::function<int()> ask, const std::function<bool()>& in_force);

    const Map<uint32_t, uint32_t>& flows_;
    std::map<uint32_t, Answer> pending_; // by slot
};

} // namespace bulkhead::datapath
