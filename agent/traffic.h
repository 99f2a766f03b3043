// SPDX-License-Identifier: Apache-2.0
//
// What this node's pods sent and received since the agent started, pods that are gone included. The
// kernel's counters are per pod slot and start anew with each pod, so a pod's last word is read before
// its slot is given away. Starts at zero, as Prometheus expects of a process that was restarted.
#pragma once

#include <map>
#include <set>

#include "datapath/counters.h"
#include "state/cluster.h"

namespace bulkhead {

class Traffic {
public:
    explicit Traffic(const datapath::Maps& maps) : maps_(maps) {}

    /// These pods are counted from now on. Before the writer learns of them.
    void follow(const std::map<uint16_t, state::LocalPod>& pods);

    Result<datapath::SlotCounters> total() const;

private:
    datapath::SlotCounters value_of(uint16_t slot) const; // zeros if it can't be read

    const datapath::Maps& maps_;
    std::map<uint16_t, uint32_t> generations_; // of the pods that are followed
    datapath::SlotCounters gone_{};            // modulo 2^64: less what was there before we were
    bool started_ = false;
};

} // namespace bulkhead
