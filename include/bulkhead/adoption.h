/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the agent tells the program bh_adopt. Beside abi.h, since no map keeps it. */
#ifndef BULKHEAD_ADOPTION_H
#define BULKHEAD_ADOPTION_H

#include "bulkhead/abi.h"

#define BH_ADOPTION_AT 14 /* where it lies in a test run's packet: behind what would be an Ethernet header */

/* A conversation that is older than the programs, as the veth of the pod in `slot` sees it. */
struct bh_adoption {
	struct bh_addr src; /* network; of who spoke first */
	struct bh_addr dst; /* network */
	__u32 slot; /* pods[] of the one whose memory it is for */
	__u16 src_port; /* network; ICMP echo: identifier */
	__u16 dst_port; /* network; ICMP echo: identifier */
	__u8 family; /* enum bh_family */
	__u8 protocol;
	__u8 from_pod; /* 1 = that pod spoke first, 0 = its peer */
	__u8 state; /* enum bh_flow_state, as far as it is known */
};

#endif
