/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the program bh_recollect tells the agent of a pod's flow memory. Beside abi.h, since no map keeps it. */
#ifndef BULKHEAD_RECOLLECTION_H
#define BULKHEAD_RECOLLECTION_H

#include "bulkhead/abi.h"

/* One conversation as the pod's veth sees it. */
struct bh_recollection {
	struct bh_addr peer; /* network */
	__u16 local_port; /* network; ICMP echo: identifier */
	__u16 peer_port; /* network; ICMP echo: identifier */
	__u8 protocol;
	__u8 local; /* as in struct bh_flow */
	__u8 state; /* enum bh_flow_state */
	__u8 reserved;
	__u32 who; /* as in struct bh_flow */
	__u32 idle; /* seconds since it was seen */
	__u32 left; /* seconds that it lives if nothing comes; 0 = its place is anybody's, but it still says who began */
};

#define BH_RECOLLECTION_SETS 64 /* how many sets one run looks at, at most */
#define BH_RECOLLECTION_ROOM 80 /* how many conversations one run tells of: a test run's packet is less than a page */
#define BH_RECOLLECTION_AT 14 /* where they lie in the packet: behind what would be an Ethernet header */

enum bh_recollect_in { /* skb->cb[] before the run */
	BH_RECOLLECT_SLOT = 0,
	BH_RECOLLECT_FROM = 1, /* set */
};

enum bh_recollect_out { /* skb->cb[] after it */
	BH_RECOLLECTED_NEXT = 0, /* set to go on with; not less than the number of sets = that was all */
	BH_RECOLLECTED_COUNT = 1, /* conversations in the packet */
	BH_RECOLLECTED_SETS = 2, /* of this pod; 0 = it has no memory */
	BH_RECOLLECTED_GENERATION = 3, /* of the pod; another one means another pod */
};

#endif
