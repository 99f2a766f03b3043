// SPDX-License-Identifier: Apache-2.0
//
// Where the running kernel's struct sk_buff has the members that our programs look at (bpf/checksum.h): from the
// kernel's own types (BTF), since every version arranges them anew.
#pragma once

#include "bulkhead/abi.h"

namespace bulkhead::datapath {

/// Not `known` where the kernel doesn't tell its types, or they are not as expected.
bh_skb_layout find_skb_layout();

} // namespace bulkhead::datapath
