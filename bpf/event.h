/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is told of a packet, and how much may be told. A lost event costs knowledge, never a packet: nothing here has a
 * say in what passes.
 */
#ifndef BULKHEAD_BPF_EVENT_H
#define BULKHEAD_BPF_EVENT_H

#include "openings.h"
#include "override.h"
#include "untold.h"

BH_INLINE void bh_add_statistic(enum bh_statistic which, __u64 amount)
{
	__u32 index = which;
	__u64 *value = bpf_map_lookup_elem(&statistics, &index);

	if (value && !bh_config.silent)
		*value += amount;
}

BH_INLINE void bh_count_statistic(enum bh_statistic which)
{
	bh_add_statistic(which, 1);
}

BH_INLINE __u32 bh_segments(const struct __sk_buff *skb)
{
	__u32 segments = skb->gso_segs;

	return segments ? segments : 1;
}

/* What is left of a share of this CPU's events for the running second; 0 = nothing. */
BH_INLINE __u32 *bh_share_left(const struct bh_control *control, enum bh_share share)
{
	__u32 zero = 0;
	struct bh_limiter *mine = bpf_map_lookup_elem(&limiter, &zero);
	__u64 now = bpf_jiffies64();

	if (!mine)
		return 0;
	if (now - mine->since >= control->ticks_per_second) {
		mine->since = now;
		mine->used[BH_SHARE_PASSED] = 0;
		mine->used[BH_SHARE_REFUSED] = 0;
	}
	return mine->used[share] < control->events_per_second ? &mine->used[share] : 0;
}

/* The object behind the deciding line, if one is. */
BH_INLINE __u32 bh_origin(const struct bh_hook *hook, enum bh_reason decided)
{
	if (hook->overridden_by && bh_verdict_of(decided) == BH_VERDICT_AUDIT)
		return hook->overridden_by;
	return bh_opening_origin(hook, decided);
}

BH_INLINE void bh_fill_ports(struct bh_event *event, const struct bh_packet *packet)
{
	int icmp = packet->protocol == BH_ICMP || packet->protocol == BH_ICMPV6;

	event->src_port = icmp ? (__u16)(packet->icmp_type << 8 | packet->icmp_code) : BH_NET16(packet->src_port);
	event->dst_port = BH_NET16(packet->dst_port);
}

/* Which device tells of which pod this is: a slot may be another pod's by the time that somebody reads of it. */
BH_INLINE __u32 bh_device_of_pod(const struct bh_hook *hook)
{
	return hook->direction == BH_EGRESS && hook->ingress_ifindex ? hook->ingress_ifindex : hook->ifindex;
}

/* The packet in hand as hook->event. `decided` differs from `reason` for a reply. */
__attribute__((noinline)) int bh_describe(struct __sk_buff *skb, __u32 reason, __u32 decided)
{
	struct bh_hook *hook = bh_here();
	const struct bh_packet *packet;
	struct bh_event *event;

	if (!hook)
		return 0;
	packet = &hook->packet;
	event = &hook->event;
	event->time = bpf_ktime_get_ns();
	event->ifindex = bh_device_of_pod(hook);
	event->length = skb->len;
	event->src_identity = hook->src_identity;
	event->dst_identity = hook->dst_identity;
	event->src = packet->src;
	event->dst = packet->dst;
	bh_fill_ports(event, packet);
	event->family = packet->family;
	event->protocol = packet->protocol;
	event->tcp_flags = packet->tcp_flags;
	event->direction = hook->direction;
	event->reason = (__u8)reason;
	event->verdict = (__u8)bh_verdict_of(reason);
	event->slot = (__u16)hook->slot;
	event->origin = bh_origin(hook, decided);
	event->first = event->time;
	event->packets = bh_segments(skb);
	event->bytes = skb->len;
	return 0;
}

/* The first packet of a conversation that passes. */
BH_INLINE void bh_tell_passed(struct __sk_buff *skb, const struct bh_control *control, struct bh_hook *hook,
			      enum bh_reason reason, enum bh_reason decided)
{
	__u32 *used = bh_share_left(control, BH_SHARE_PASSED);

	bh_describe(skb, reason, decided);
	if (!used || bpf_ringbuf_output(&events, &hook->event, sizeof(hook->event), 0)) {
		bh_count_statistic(used ? BH_STAT_EVENTS_LOST : BH_STAT_EVENTS_LIMITED);
		hook->untold = hook->event;
		bh_note_untold();
		return;
	}
	(*used)++;
	bh_count_statistic(BH_STAT_EVENTS);
}

#endif
