/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Account and act: counters, events, and what becomes of the packet. */
#ifndef BULKHEAD_BPF_ACCOUNT_H
#define BULKHEAD_BPF_ACCOUNT_H

#include "told.h"

BH_INLINE void bh_count(const struct __sk_buff *skb, const struct bh_hook *hook, enum bh_reason reason)
{
	__u32 index = (hook->slot * 2 + hook->direction) * BH_REASON_COUNT + reason;
	struct bh_counter *counter = bpf_map_lookup_elem(&counters, &index);

	if (!counter)
		return;
	counter->packets += bh_segments(skb);
	counter->bytes += skb->len;
}

/* Tells of the packet what somebody wants to know. */
BH_INLINE void bh_tell(struct __sk_buff *skb, const struct bh_control *control, struct bh_hook *hook,
		       enum bh_reason reason, enum bh_reason decided)
{
	if (bh_config.visibility == BH_VISIBLE_OFF)
		return;
	if (bh_verdict_of(reason) != BH_VERDICT_ALLOW || reason == BH_REASON_ASLEEP) {
		bh_describe(skb, reason, decided);
		bh_tell_refused();
	} else if (bh_config.visibility == BH_VISIBLE_CONVERSATIONS && hook->first) {
		bh_tell_passed(skb, control, hook, reason, decided);
	}
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
	struct bh_hook *hook = bh_here();
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
		bh_tell(skb, control, hook, reason, decided);
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
