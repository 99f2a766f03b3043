/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What no event can tell of (this CPU's share of the second is used up, the ring is full, a row of `told` had to give
 * way) is summed here by who, whom and what, so that the agent learns of everybody who talks to somebody, however much
 * there is of it.
 *
 * Of two ends, with the world (or a part of it that a CIDR names) as one of them, a row without a port and without a network comes first; its `length`
 * counts those that have one. Beyond BH_UNTOLD_PARTS of them it is the row for all others. So a scan, or a flood from
 * all over the world, takes no more than so many rows, and leaves the others theirs.
 */
#ifndef BULKHEAD_BPF_UNTOLD_H
#define BULKHEAD_BPF_UNTOLD_H

#include "identity.h"

/* The key is a part of the event. */
_Static_assert(__builtin_offsetof(struct bh_event, slot) - __builtin_offsetof(struct bh_event, src) ==
		       __builtin_offsetof(struct bh_untold_key, slot),
	       "bh_untold_key is not as it lies in bh_event");

/* What tells one packet or one conversation of the same two ends from the next. */
BH_INLINE void bh_leave_out_details(struct bh_event *event)
{
	if (event->protocol == BH_ICMP || event->protocol == BH_ICMPV6)
		event->dst_port = 0;
	event->src_port = 0;
	if (event->reason == BH_REASON_SPOOFED)
		__builtin_memset(&event->src, 0, sizeof(event->src));
	event->tcp_flags = 0;
}

/* Of an address outside its network. */
BH_INLINE void bh_widen(struct bh_addr *address, __u32 identity, __u8 family)
{
	if (!(bh_flags_of(identity) & BH_OUTSIDE))
		return;
	if (family == BH_IPV4)
		((__u8 *)address)[3] = 0;
	address->word[2] = 0;
	address->word[3] = 0;
}

BH_INLINE void bh_widen_fully(struct bh_addr *address, __u32 identity)
{
	if (bh_flags_of(identity) & BH_OUTSIDE)
		__builtin_memset(address, 0, sizeof(*address));
}

BH_INLINE void bh_add_to_untold(struct bh_event *row, const struct bh_event *event)
{
	row->time = event->time;
	__sync_fetch_and_add(&row->packets, event->packets);
	__sync_fetch_and_add(&row->bytes, event->bytes);
}

/* The row that stands for all of hook->untold's two ends; 0 = there is no room for one. */
BH_INLINE struct bh_event *bh_untold_sum(struct bh_hook *hook)
{
	struct bh_event *event = &hook->untold;
	struct bh_event *sum = bpf_map_lookup_elem(&untold, &event->src);
	__u64 packets = event->packets;
	__u64 bytes = event->bytes;

	if (sum)
		return sum;
	event->packets = 0;
	event->bytes = 0;
	event->length = 0;
	bpf_map_update_elem(&untold, &event->src, event, BPF_NOEXIST);
	event->packets = packets;
	event->bytes = bytes;
	return bpf_map_lookup_elem(&untold, &event->src);
}

/* Sums up hook->untold, which no event tells of. */
__attribute__((noinline)) int bh_note_untold(void)
{
	struct bh_hook *hook = bh_here();
	struct bh_event *event, *row, *sum;

	if (!hook)
		return 0;
	event = &hook->untold;
	bh_leave_out_details(event);
	hook->untold_src = event->src;
	hook->untold_dst = event->dst;
	hook->untold_port = event->dst_port;
	bh_widen(&hook->untold_src, event->src_identity, event->family);
	bh_widen(&hook->untold_dst, event->dst_identity, event->family);
	bh_widen_fully(&event->src, event->src_identity);
	bh_widen_fully(&event->dst, event->dst_identity);
	event->dst_port = 0;
	sum = bh_untold_sum(hook);
	if (!sum)
		return 0;
	event->src = hook->untold_src;
	event->dst = hook->untold_dst;
	event->dst_port = hook->untold_port;
	row = bpf_map_lookup_elem(&untold, &event->src);
	if (!row && sum->length < BH_UNTOLD_PARTS && !bpf_map_update_elem(&untold, &event->src, event, BPF_NOEXIST)) {
		sum->length++;
		return 0;
	}
	bh_add_to_untold(row ? row : sum, event);
	return 0;
}

#endif
