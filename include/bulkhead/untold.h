/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * untold: what no event tells of, by who, whom and what: a hash from bh_untold_key to bh_event, with the sum of what
 * was not told. The programs add to it, the agent takes it out each second. See bpf/untold.h.
 *
 * What bulkhead/abi.h says of bytes holds here too.
 */
#ifndef BULKHEAD_UNTOLD_H
#define BULKHEAD_UNTOLD_H

#include "bulkhead/abi.h"

/* Rows. */
#define BH_UNTOLD_ROWS 16384

/* Ports and networks outside that have rows of their own, of each two ends. */
#define BH_UNTOLD_PARTS 64

/* As they lie in bh_event, from src on. */
struct bh_untold_key {
	struct bh_addr src; /* network; of what is BH_OUTSIDE a /24 or /64, or 0 = some of it */
	struct bh_addr dst; /* network; the same */
	__u16 src_port; /* 0 */
	__u16 dst_port; /* host; 0 = none, or some */
	__u8 family; /* enum bh_family */
	__u8 protocol;
	__u8 tcp_flags; /* 0 */
	__u8 direction; /* enum bh_direction */
	__u8 reason; /* enum bh_reason */
	__u8 verdict; /* enum bh_verdict */
	__u16 slot;
};

#endif
