// SPDX-License-Identifier: Apache-2.0
//
// Our programs as direct-action filters on clsact, for kernels without tcx and as a bridge until tcx is
// attached. Priority 1 is the front; among the filters of one priority the newest runs first. So in
// front of a foreign one means: added anew under another handle, then the old one deleted; replaced in
// place, a filter keeps its rank.
//
// Our handles carry the pin directory's tag, so that they are recognised without any pin, and never
// collide with the handle 1 that others delete by number.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "datapath/hook.h"
#include "datapath/tc_filters.h"

namespace bulkhead::datapath {

class Clsact {
public:
    /// `tag`: see PinDir::tag().
    explicit Clsact(uint32_t tag) : tag_(tag) {}

    struct Part {
        Hook hook;
        int program_fd = -1;
    };

    enum class Made { kNothing, kQdisc, kAll };

    /// Makes the qdisc and puts the programs on it. Where less than all of that could be made, or there is such a
    /// qdisc, they have to be attached one by one. Fails where an ingress qdisc is in its place: the kernel would take
    /// filters for egress, too, and run them on ingress.
    Result<Made> install(uint32_t ifindex, std::span<const Part> parts) const;

    /// The same without a look at what is there first. For devices that are new: on an ingress qdisc the filters come
    /// and go, and that is news to whoever watches for it.
    Result<Made> install_at_once(uint32_t ifindex, std::span<const Part> parts) const;

    /// Removes the qdisc if no filter at all is on it; true = it was.
    Result<bool> remove_empty_qdisc(uint32_t ifindex) const;

    /// Puts the program first, or in the place of ours if that is first already. At no moment is there
    /// none of ours if there was one before.
    Result<> attach(uint32_t ifindex, Hook hook, int program_fd) const;

    /// One of this agent's, on any hook.
    bool is_ours(const TcFilter& filter) const;

    /// Removes ours; how many there were.
    Result<int> detach(uint32_t ifindex, Hook hook) const;

    Result<Attachment> query(uint32_t ifindex, Hook hook) const;

    /// Removes ours of every tag; how many there were.
    static Result<int> detach_all(uint32_t ifindex);

private:
    bool is_ours(const TcFilter& filter, Hook hook) const;
    uint32_t handle(Hook hook, uint32_t sequence) const;
    static Result<Made> beside(uint32_t ifindex, const std::vector<NewFilter>& filters, const Installed& installed);
    Result<int> remove_except(uint32_t ifindex, Hook hook, const std::vector<TcFilter>& filters, uint32_t keep) const;

    uint32_t tag_;
};

} // namespace bulkhead::datapath
