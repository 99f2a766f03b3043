/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Account and act: counters, events, and what becomes of the packet. */
#ifndef BULKHEAD_BPF_ACCOUNT_H
#define BULKHEAD_BPF_ACCOUNT_H

#include "openings.h"
#include "override.h"

BH_INLINE void bh_count_statistic(enum bh_statistic which)
{
	__u32 index = which;
	__u64 *value = bpf_map_lookup_elem(&statistics, &index);

	if (value && !bh_config.silent)
		(*value)++;
}

BH_INLINE void bh_count(const struct __sk_buff *skb, const struct bh_hook *hook, enum bh_reason reason)
{
	__u32 index = (hook->slot * 2 + hook->direction) * BH_REASON_COUNT + reason;
	struct bh_counter *counter = bpf_map_lookup_elem(&counters, &index);
	__u32 segments = skb->gso_segs;

	if (!counter)
		return;
	counter->packets += segments ? segments : 1;
	counter->bytes += skb->len;
}

/* Still below this CPU's events for the running second? */
BH_INLINE int bh_may_report(const struct bh_control *control)
{
	__u32 zero = 0;
	struct bh_limiter *mine = bpf_map_lookup_elem(&limiter, &zero);
	__u64 now = bpf_jiffies64();

	if (!mine)
		return 0;
	if (now - mine->since >= control->ticks_per_second) {
		mine->since = now;
		mine->used = 0;
	}
	if (mine->used >= control->events_per_second) {
		bh_count_statistic(BH_STAT_EVENTS_LIMITED);
		return 0;
	}
	mine->used++;
	return 1;
}

BH_INLINE void bh_fill_ports(struct bh_event *event, const struct bh_packet *packet)
{
	int icmp = packet->protocol == BH_ICMP || packet->protocol == BH_ICMPV6;

	event->src_port = icmp ? (__u16)(packet->icmp_type << 8 | packet->icmp_code) : BH_NET16(packet->src_port);
	event->dst_port = BH_NET16(packet->dst_port);
}

/* The object behind the deciding line, if one is. */
BH_INLINE __u32 bh_origin(const struct bh_hook *hook, enum bh_reason decided)
{
	if (hook->overridden_by && bh_verdict_of(decided) == BH_VERDICT_AUDIT)
		return hook->overridden_by;
	return bh_opening_origin(hook, decided);
}

BH_INLINE void bh_report(const struct __sk_buff *skb, const struct bh_control *control, const struct bh_hook *hook,
			 enum bh_reason reason, enum bh_reason decided)
{
	const struct bh_packet *packet = &hook->packet;
	struct bh_event *event;

	if (!bh_may_report(control))
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		bh_count_statistic(BH_STAT_EVENTS_LOST);
		return;
	}
	event->time = bpf_ktime_get_ns();
	event->ifindex = hook->ifindex;
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
	bpf_ringbuf_submit(event, 0);
	bh_count_statistic(BH_STAT_EVENTS);
}

/* What a rehearsal wants to know. */
BH_INLINE void bh_answer(struct __sk_buff *skb, const struct bh_hook *hook, enum bh_reason reason,
			 enum bh_reason decided)
{
	skb->cb[BH_OUT_VERDICT] = bh_verdict_of(reason) | reason << 8 | hook->reply_to << 16;
	skb->cb[BH_OUT_SRC_IDENTITY] = hook->src_identity;
	skb->cb[BH_OUT_DST_IDENTITY] = hook->dst_identity;
	skb->cb[BH_OUT_ORIGIN] = bh_origin(hook, decided);
	skb->cb[BH_OUT_JUDGED] = 1;
}

/* The end of every judged packet. While asleep nothing is dropped, and the counters say so. */
__attribute__((noinline)) int bh_conclude(struct __sk_buff *skb, __u32 given)
{
	const struct bh_control *control = bh_control_row();
	const struct bh_hook *hook = bh_here();
	enum bh_reason reason = given;
	enum bh_verdict verdict = bh_verdict_of(reason);
	enum bh_reason decided;

	if (!control || !hook)
		return BH_PASS;
	decided = reason == BH_REASON_REPLY ? hook->reply_to : reason;
	if (verdict == BH_VERDICT_DENY && !bh_drops(control)) {
		reason = BH_REASON_ASLEEP;
		verdict = BH_VERDICT_ALLOW;
	}
	if (bh_config.rehearsal == BH_REHEARSAL)
		bh_answer(skb, hook, reason, decided);
	if (!bh_config.silent) {
		bh_count(skb, hook, reason);
		if (hook->first || verdict != BH_VERDICT_ALLOW || reason == BH_REASON_ASLEEP)
			bh_report(skb, control, hook, reason, decided);
	}
	return verdict == BH_VERDICT_DENY ? BH_DROP : BH_PASS;
}

/* The end of a packet that is not this hook's to judge. */
BH_INLINE int bh_leave_to_others(struct __sk_buff *skb)
{
	if (bh_config.rehearsal == BH_REHEARSAL)
		skb->cb[BH_OUT_JUDGED] = 0;
	return BH_PASS;
}

#endif
