// SPDX-License-Identifier: Apache-2.0
//
// The maps that a former agent pinned, and how ours take their place. An agent of another version, or with other sizes,
// has maps that differ. What is exactly alike is shared; what only differs in size is made anew and gets the rows of
// the old one before anything uses it. Where that isn't enough to know all that the former agent knew, nothing is taken
// over: its programs and maps go on until ours have heard everything.
//
// Ours are pinned beside the old ones (maps_next), and then put in their place, so that whatever is pinned as `maps` is
// whole at any moment, wherever somebody is killed: `control` is pinned last and removed first.
#pragma once

#include "datapath/object.h"
#include "datapath/pin_dir.h"

namespace bulkhead::datapath {

inline constexpr const char* kSeedName = "flow_seed";

struct FormerMaps {
    MapFds shared{};       // ours from now on
    MapFds resized{};      // their rows are for ours of the same name
    bool lacks = false;    // some of ours are new, or begin anew
    std::string strange{}; // why nothing can be taken over; empty = it can, or nothing was there
    bool armed = false;    // by the former agent

    bool are_ours() const { return !shared.empty() && resized.empty() && !lacks; }
};

/// Completes a replacement that was interrupted, first.
Result<FormerMaps> find_former_maps(const PinDir& pins, const Object& object);

/// Every row of each map into that of the same name.
Result<> copy_rows(const MapFds& from, const MapFds& to);

/// Pins these instead of whatever was pinned.
Result<> replace_pinned_maps(const PinDir& pins, const MapFds& maps, int seed);

} // namespace bulkhead::datapath
