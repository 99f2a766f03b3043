// SPDX-License-Identifier: Apache-2.0
//
// The bitmaps of the control row: what tells the programs, for the price of one load, that a look-up
// can't find anything. A bit too many costs time, a bit too few a verdict: so bits are set before the
// rows they stand for and cleared after.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <span>

#include "bulkhead/abi.h"

namespace bulkhead::datapath {

using Bits = std::span<__u64, BH_BITMAP_WORDS>;

void set_interface(Bits bits, uint32_t ifindex);

/// The first 16 bits of every address in it.
void set_prefix(Bits bits, const bh_prefix4& prefix);

/// bh_fold6() of every address in it; all bits for what is shorter than 48.
void set_prefix(Bits bits, const bh_prefix6& prefix);

} // namespace bulkhead::datapath
