// SPDX-License-Identifier: Apache-2.0
//
// Keeps our programs on devices, and first there. Where the kernel has tcx, a pod's veth gets clsact filters
// at once (a tcx link takes up to 20 ms, a filter 0.2), then the links, then the filters go. Not so an uplink: while a
// qdisc is added, the kernel drops what is sent out of the device, for about a millisecond. to_pod
// always comes before from_pod: what may enter is decided before anything can be asked for.
//
// Whatever a former agent left is taken over without a gap, in either mode. Nothing is detached by the
// destructor. Any thread: those of Guards begin and guard, the loop looks, a FilterWatch's overtakes others' filters.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"
#include "datapath/clsact.h"
#include "datapath/hook.h"
#include "datapath/kernel.h"
#include "datapath/tcx.h"

namespace bulkhead::datapath {

enum class AttachMode : uint8_t { kAuto, kTcx, kClsact };

/// Whether to attach by tcx; if not, by clsact. What was asked for must be there; kAuto takes what there is. Pure.
Result<bool> decide_tcx(AttachMode mode, const Features& features);

class Attacher {
public:
    using Clock = std::chrono::steady_clock;

    /// `kernel` must outlive it and have what is used.
    Attacher(const Kernel& kernel, bool use_tcx);

    /// Nothing is dropped yet, so there is time for links: no filter bridges it, for which a clsact qdisc would have to
    /// be made. That costs a device what it is sending at the moment (the kernel takes its queue off meanwhile).
    void take_time(bool enough);

    /// Guards a pod's veth that nobody has asked for yet, at once. True: for good. False: for the time being, by
    /// filters, since links take a hundred times as long to attach; guard() must follow. Several may run side by side,
    /// for different devices.
    Result<bool> begin(uint32_t ifindex);
    Result<> guard(uint32_t ifindex);  // a pod's veth: to_pod and from_pod
    Result<> uplink(uint32_t ifindex); // a way off the node

    /// Puts our programs where a former agent's are, and nothing else: wherever these are, by links or by filters.
    Result<> exchange();

    /// Takes our programs off the device, and the qdisc if it was ours. A vanished device is success.
    Result<> release(uint32_t ifindex);

    /// Is everything of ours on this device, and first?
    Result<Attachment> query(uint32_t ifindex) const;

    /// Is a program of ours on a veth that nobody asked for yet? It goes on with the maps that it has.
    bool has_former(uint32_t ifindex) const;

    /// Looks at every device that was asked for and mends what others undid; forgets vanished ones. To
    /// be called now and then, since nobody tells of a tcx program put before ours. Returned is what failed,
    /// by ifindex.
    std::map<uint32_t, Error> reconcile();

    /// A tc filter of somebody's was added to or deleted from this device (RTM_NEWTFILTER, RTM_DELTFILTER):
    /// ours goes to the front again. Devices that were not asked for are ignored. `heard`: when one heard of it.
    Result<> on_filter_event(uint32_t ifindex, Clock::time_point heard = Clock::now());

    /// Devices with programs of a former agent that nobody asked for yet.
    std::set<uint32_t> left_over() const;

    bool uses_tcx() const { return use_tcx_; }
    bool is_ours(const TcFilter& filter) const { return clsact_.is_ours(filter); }
    /// How often something of ours had to be put back or to the front.
    uint64_t reattachments() const;
    /// From the news of somebody's filter until ours was first again.
    Histogram overtakings() const;

private:
    using Hooks = std::span<const Hook>;
    Result<> exchange_at(uint32_t ifindex, Hook hook, int program);
    Result<> ensure(uint32_t ifindex, Hooks hooks);
    Result<> ensure_tcx(uint32_t ifindex, Hooks hooks);
    Result<> replace_filter(uint32_t ifindex, Hook hook);
    Result<> ensure_clsact(uint32_t ifindex, Hooks hooks);
    Result<> attach_filters(uint32_t ifindex, Hooks hooks) const;
    Result<> attach_filters_to_new(uint32_t ifindex);
    Result<> attach_where_not(const Result<Clsact::Made>& installed, uint32_t ifindex, Hooks hooks) const;
    std::vector<Clsact::Part> parts(Hooks hooks) const;
    bool needs_bridge(uint32_t ifindex, Hooks hooks) const;
    bool stand_in(uint32_t ifindex);
    Result<> begin_filters(uint32_t ifindex);
    std::optional<Clock::time_point> end_of_beginning(uint32_t ifindex);
    bool is_beginning(uint32_t ifindex, Clock::time_point heard);
    bool stands_in(uint32_t ifindex) const;
    void stands_in_no_longer(uint32_t ifindex);
    bool has_time() const;
    Result<> remove_filters(uint32_t ifindex, Hooks hooks);
    Result<> remove_links(uint32_t ifindex, Hooks hooks);
    Result<> move_links_to_front(uint32_t ifindex, Hooks hooks);
    Result<bool> mend(uint32_t ifindex, Hooks hooks); // true = there was something to mend
    Result<> put_back(uint32_t ifindex, Hooks hooks, const Attachment& now);
    Result<> overtake(uint32_t ifindex, Hooks hooks);
    Result<bool> mend_if_wanted(uint32_t ifindex);
    Result<> mend_again(uint32_t ifindex, Clock::time_point since);
    Result<Attachment> query(uint32_t ifindex, Hooks hooks) const;
    std::string note_of(uint32_t ifindex) const;
    void forget(uint32_t ifindex);

    const Kernel* kernel_;
    bool use_tcx_;
    Tcx tcx_;
    Clsact clsact_;
    // Whoever works on a device that is wanted holds mutex_, also while he waits for rtnetlink.
    std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
    std::map<uint32_t, Hooks> wanted_;
    // What can be asked and noted meanwhile; state_ is taken last, and for no longer than that.
    std::unique_ptr<std::mutex> state_ = std::make_unique<std::mutex>();
    bool has_time_ = false;
    std::set<uint32_t> standing_in_;                                 // filters for links that are to come
    std::set<uint32_t> refused_;                                     // where a veth's first filters could not be added
    std::map<uint32_t, std::optional<Clock::time_point>> beginning_; // since when somebody's filter is in front
    uint64_t reattachments_ = 0;
    Histogram overtakings_;
};

} // namespace bulkhead::datapath
