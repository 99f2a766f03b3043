// SPDX-License-Identifier: Apache-2.0
//
// What this node's pods sent and received since the agent started: all of them together (pods that are gone included),
// by tenant, and by pod. The kernel's counters are per pod slot and start anew with each pod, so a pod's last word is
// read before its slot is given away, and what came since the last look belongs to the tenant that the pod has now.
// Starts at zero, as Prometheus expects of a process that was restarted. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "datapath/counters.h"
#include "observe/figures.h"
#include "state/cluster.h"

namespace bulkhead {

class Traffic {
public:
    using Clock = std::chrono::steady_clock;
    /// By slot, as observe::label_of_tenant() has it.
    using TenantOf = std::function<std::string(uint16_t)>;

    /// `maps` must outlive it. Of more tenants than that, those that come last are one: kOtherTenant.
    Traffic(const datapath::Maps& maps, TenantOf tenant_of, size_t max_tenants)
        : maps_(maps), tenant_of_(std::move(tenant_of)), max_tenants_(max_tenants) {}

    /// These pods are counted from now on. Before the compiler and the writer learn of them.
    void follow(const std::map<uint16_t, state::LocalPod>& pods, Clock::time_point now = Clock::now());

    /// Reads what they have counted. What can't be read stays what it was.
    void look(Clock::time_point now = Clock::now());

    // As of the last look
    const datapath::SlotCounters& total() const { return total_; }
    /// Of pods of this node; until a minute after the tenant's last one.
    std::map<std::string, observe::ByVerdict> by_tenant() const;
    /// Those that are known by name; until a minute after they are gone.
    std::vector<observe::PodCount> by_pod() const;
    /// The tenant's name in by_tenant().
    std::string label(const std::string& tenant) const;

private:
    struct Pod {
        uint32_t generation = 0;
        state::PodKey name; // empty = unknown
        std::string tenant;
        datapath::SlotCounters seen{}; // at the last look
        observe::ByVerdict counted{};
    };
    struct Gone {
        Pod pod;
        Clock::time_point since;
    };
    struct Tenant {
        observe::ByVerdict counted{};
        Clock::time_point last{}; // when a pod of it was here
    };
    void look_at(uint16_t slot, Pod& pod, Clock::time_point now);
    void forget(Clock::time_point now);

    const datapath::Maps& maps_;
    TenantOf tenant_of_;
    size_t max_tenants_;
    bool started_ = false;
    std::map<uint16_t, Pod> pods_; // slot 0 among them: nobody
    std::vector<Gone> gone_;
    std::map<std::string, Tenant> tenants_;
    datapath::SlotCounters total_{};
};

} // namespace bulkhead
