/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads a pod's flow memory for the agent, which has no right of its own to open a table by its number (that takes
 * CAP_SYS_ADMIN), and so that one place says how long an entry lives.
 */
#ifndef BULKHEAD_BPF_RECOLLECT_H
#define BULKHEAD_BPF_RECOLLECT_H

#include "flow.h"
#include "bulkhead/recollection.h"

/* Whether all of it was written for this pod, and no half of it just now. */
BH_INLINE int bh_flow_is_whole(const struct bh_flow *flow, __u32 generation)
{
	struct bh_flow_key key = {};

	key.peer = flow->peer;
	key.local_port = flow->local_port;
	key.peer_port = flow->peer_port;
	key.protocol = flow->protocol;
	key.local = flow->local;
	return flow->check && flow->check == bh_flow_check(bh_flow_hash(&key, generation), flow->who);
}

BH_INLINE __u32 bh_seconds(const struct bh_control *control, __u32 ticks)
{
	__u32 hertz = control->ticks_per_second;

	return hertz ? (__u32)(((__u64)ticks << BH_FLOW_TICK_SHIFT) / hertz) : 0;
}

BH_INLINE void bh_describe_flow(struct bh_recollection *told, const struct bh_flow *flow,
				const struct bh_control *control, __u32 tick)
{
	__u32 state = flow->stamp & 0xf;
	__u32 age = bh_flow_age(flow, tick);
	__u32 life = bh_flow_idle_ticks(control->ticks_per_second, flow->protocol, state);

	told->peer = flow->peer;
	told->local_port = flow->local_port;
	told->peer_port = flow->peer_port;
	told->protocol = flow->protocol;
	told->local = flow->local;
	told->state = (__u8)state;
	told->who = flow->who;
	told->idle = bh_seconds(control, age);
	told->left = age <= life ? bh_seconds(control, life - age) : 0;
}

/* Writes those of one set behind the `count` that are in the packet; returns how many there are then. */
__attribute__((noinline)) int bh_recollect_set(struct __sk_buff *skb, __u32 slot, __u32 index, __u32 count)
{
	const struct bh_control *control = bh_control_row();
	const struct bh_pod *pod = bh_pod_in(slot);
	void *table = bpf_map_lookup_elem(&flows, &slot);
	__u32 tick = bh_flow_now();
	struct bh_flow_set *set;

	if (!control || !pod || !table)
		return (int)count;
	set = bpf_map_lookup_elem(table, &index);
	if (!set)
		return (int)count;
	for (__u32 i = 0; i < BH_FLOW_WAYS && count < BH_RECOLLECTION_ROOM; i++) {
		struct bh_recollection told = {};
		struct bh_flow flow = set->way[i];

		if (!bh_flow_is_whole(&flow, pod->generation) || !bh_flow_speaks(control, &flow, tick))
			continue;
		bh_describe_flow(&told, &flow, control, tick);
		if (bpf_skb_store_bytes(skb, BH_RECOLLECTION_AT + count * sizeof(told), &told, sizeof(told), 0))
			break;
		count++;
	}
	return (int)count;
}

#endif
