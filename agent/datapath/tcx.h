// SPDX-License-Identifier: Apache-2.0
//
// Our programs as tcx links (Linux 6.6): they run before every clsact filter, and a program is exchanged
// in them without a gap. Links are pinned as links/<ifindex>-<hook>. A pin counts only if its link is
// really on that device of this network namespace: interface numbers are used again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>

#include "base/result.h"
#include "datapath/hook.h"

namespace bulkhead::datapath {

class Tcx {
public:
    explicit Tcx(std::filesystem::path links) : links_(std::move(links)) {}

    /// Puts the program first on the device, or into the link that is there.
    Result<> attach(uint32_t ifindex, Hook hook, int program_fd) const;

    /// Takes link and pin away; false = there was none.
    Result<bool> detach(uint32_t ifindex, Hook hook) const;

    Result<Attachment> query(uint32_t ifindex, Hook hook) const;

    /// Is there a pin for the device? Without one there is no link of ours.
    bool is_pinned(uint32_t ifindex) const;

    /// Devices for which there are pins.
    std::set<uint32_t> pinned() const;

    /// Removes the pins of devices that vanished; how many.
    int remove_stale() const;

private:
    std::filesystem::path pin_of(uint32_t ifindex, Hook hook) const;

    std::filesystem::path links_;
};

} // namespace bulkhead::datapath
