/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Break glass: for a while a tenant, or everybody, counts as in audit mode. Asked only for what would fall, and only
 * while there may be overrides at all, so what passes pays nothing for it. The program compares the date: an override
 * ends whether or not an agent runs.
 */
#ifndef BULKHEAD_BPF_OVERRIDE_H
#define BULKHEAD_BPF_OVERRIDE_H

#include "hook.h"

#define BH_EVERYBODY 0 /* as a tenant */

/* The override that holds for exactly this tenant; 0 = there is none. */
BH_INLINE const struct bh_override *bh_override_of(__u32 tenant)
{
	const struct bh_override *override = bpf_map_lookup_elem(&overrides, &tenant);

	return override && (__s64)(bpf_jiffies64() - override->until) < 0 ? override : 0;
}

BH_INLINE int bh_overrides_exist(const struct bh_control *control)
{
	return (control->armed & BH_ARMED_OVERRIDES) != 0;
}

/* Does anything fall at this moment, whatever it is? */
BH_INLINE int bh_drops(const struct bh_control *control)
{
	if (!(control->armed & BH_ARMED))
		return 0;
	return !bh_overrides_exist(control) || !bh_override_of(BH_EVERYBODY);
}

BH_INLINE int bh_lift_one(struct bh_hook *hook, struct bh_identity *identity)
{
	const struct bh_override *override = bh_override_of(BH_EVERYBODY);

	if (!override && identity->tenant)
		override = bh_override_of(identity->tenant);
	if (!override)
		return 0;
	identity->flags |= BH_AUDIT;
	hook->overridden_by = override->origin;
	return 1;
}

/*
 * Puts who is overridden into audit mode, in the question about the packet itself or, with `asked`, about another
 * direction. 1 = somebody was, so the rule may say something else now. The destination's only if the source's isn't
 * enough: what is told has to be the override that lets the packet pass.
 */
__attribute__((noinline)) int bh_lift(int asked)
{
	const struct bh_control *control = bh_control_row();
	struct bh_hook *hook = bh_here();
	struct bh_question *q;
	int lifted;

	if (!control || !hook || !bh_overrides_exist(control))
		return 0;
	q = asked ? &hook->asked : &hook->question;
	lifted = bh_lift_one(hook, &q->src);
	if (lifted && bh_verdict_of(bh_judge(q)) != BH_VERDICT_DENY)
		return 1;
	return lifted | bh_lift_one(hook, &q->dst);
}

#endif
