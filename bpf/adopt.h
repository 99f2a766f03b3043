/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Conversations that are older than the programs: who spoke first in them, connection tracking saw. The agent tells
 * of each before anything is dropped, and here it is remembered as if the first packet had passed now.
 */
#ifndef BULKHEAD_BPF_ADOPT_H
#define BULKHEAD_BPF_ADOPT_H

#include "flow.h"
#include "bulkhead/adoption.h"

struct bh_adopting {
	struct bh_adoption told;
	struct bh_packet packet;
	struct bh_memory memory;
};

/* Apart from `scratch`, because packets may interrupt a test run. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bh_adopting);
} adopting_room SEC(".maps");

BH_INLINE void bh_fill_first_packet(struct bh_packet *packet, const struct bh_adoption *told)
{
	bh_clear_packet(packet);
	packet->src = told->src;
	packet->dst = told->dst;
	packet->src_port = told->src_port;
	packet->dst_port = told->dst_port;
	packet->family = told->family;
	packet->protocol = told->protocol;
	if (told->protocol == BH_ICMP || told->protocol == BH_ICMPV6)
		packet->flags = BH_ECHO_REQUEST;
}

/*
 * What the programs have noted since they are there may be wrong: of a datagram conversation the side that pushes looks
 * like the one that began. But a SYN that they saw is one.
 */
BH_INLINE int bh_knows_better(const struct bh_flow *flow, int from_pod)
{
	return flow->protocol == BH_TCP || bh_local_spoke_first(flow) == from_pod;
}

/* 1 = it is remembered as it was told. */
BH_INLINE int bh_adopt_told(struct bh_adopting *adopting, const struct bh_control *control)
{
	const struct bh_adoption *told = &adopting->told;
	int from_pod = told->from_pod != 0;
	struct bh_flow_set *set;
	struct bh_flow *flow;
	struct bh_who peer;

	peer = bh_who_is(control, told->family, from_pod ? &told->dst : &told->src);
	if (!from_pod && bh_flags_of(peer.identity) & BH_SERVICE)
		return 0; /* begins nothing, see bh_to_pod */
	bh_fill_first_packet(&adopting->packet, told);
	set = bh_recall(&adopting->memory, &adopting->packet, told->slot, from_pod);
	if (!set)
		return 0;
	flow = bh_recalled(set, &adopting->memory);
	if (flow && bh_knows_better(flow, from_pod))
		return bh_local_spoke_first(flow) == from_pod;
	bh_remember(set, &adopting->memory, from_pod, bh_tenant_of(peer.identity));
	flow = bh_recalled(set, &adopting->memory);
	if (!flow)
		return 0;
	flow->stamp |= told->state;
	return 1;
}

#endif
