/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rule. For the first packet of a conversation src -> dst, the first line that holds decides:
 *
 *   1 self         src is dst                                             -> allow
 *   2 confined     src is confined, and dst is neither its tenant,
 *                  cluster DNS nor in its allowTo                         -> deny
 *                  (src in audit mode: the lines below decide, and what
 *                  they allow is reported as confined-audit)
 *   3 open         dst is not protected (on this port)                    -> allow
 *   4 same-tenant                                                         -> allow
 *   5 local-host   made by dst's own node itself                          -> allow
 *   6 exposed      dst exposes this port                                  -> allow
 *   7 trusted      src is trusted for this port, dst is a pod, unsealed   -> allow
 *   8 granted      dst's owner grants src this port                       -> allow
 *   9 not-granted                                                         -> deny
 *                  (dst in audit mode: audit; dst not known yet: held)
 *
 * While somebody is overridden (bulkheadctl override), they are in audit mode to these lines.
 *
 * A pure function of values: no map, no packet, no clock. The kernel programs gather the values, and so
 * do the agent and the tests; all of them then ask here.
 */
#ifndef BULKHEAD_VERDICT_H
#define BULKHEAD_VERDICT_H

#include "bulkhead/abi.h"

/* Inlined, so that what a program does with each line is decided where the line is. */
#define BH_RULE static inline __attribute__((always_inline))

/* What the look-ups found out about one packet. */
struct bh_question {
	struct bh_identity src;
	struct bh_identity dst;
	__u8 same_pod; /* src and dst are one pod */
	__u8 local_host; /* made by dst's own node itself */
	__u8 src_is_local; /* line 2 is judged where the source lives, and only there */
	__u8 reserved;
	/*
	 * Bit BH_REASON_x: a row of the openings map says x for this src, dst, protocol, port and
	 * time: OPEN, EXPOSED, TRUSTED, GRANTED; CONFINED = an allowTo of src. Openings only ever
	 * allow, so it is right to ask with none first and to look them up only for a packet that
	 * falls without.
	 */
	__u32 openings;
};

BH_RULE int bh_opened(const struct bh_question *q, enum bh_reason line)
{
	return (q->openings >> line) & 1;
}

BH_RULE int bh_same_tenant(const struct bh_question *q)
{
	return q->src.tenant != 0 && q->src.tenant == q->dst.tenant;
}

/* Line 2, whatever the mode. */
BH_RULE int bh_is_confined_from(const struct bh_question *q)
{
	if (!(q->src.flags & BH_CONFINED) || !q->src_is_local)
		return 0;
	return !bh_same_tenant(q) && !(q->dst.flags & BH_INFRA) && !bh_opened(q, BH_REASON_CONFINED);
}

/* Trust opens pods, never AWS resources, and nothing of a sealed tenant. */
BH_RULE int bh_trust_reaches(const struct bh_question *q)
{
	return (q->dst.flags & BH_POD) && !(q->dst.flags & BH_SEALED);
}

/* Lines 3 to 9. */
BH_RULE enum bh_reason bh_judge_destination(const struct bh_question *q)
{
	if (!(q->dst.flags & BH_PROTECTED) || bh_opened(q, BH_REASON_OPEN))
		return BH_REASON_OPEN;
	if (bh_same_tenant(q))
		return BH_REASON_SAME_TENANT;
	if (q->local_host)
		return BH_REASON_LOCAL_HOST;
	if (bh_opened(q, BH_REASON_EXPOSED))
		return BH_REASON_EXPOSED;
	if (bh_opened(q, BH_REASON_TRUSTED) && bh_trust_reaches(q))
		return BH_REASON_TRUSTED;
	if (bh_opened(q, BH_REASON_GRANTED))
		return BH_REASON_GRANTED;
	if (q->dst.flags & BH_AUDIT)
		return BH_REASON_AUDIT;
	return q->dst.flags & BH_UNNAMED ? BH_REASON_HELD : BH_REASON_NOT_GRANTED;
}

/* The line that decides; bh_verdict_of() tells what it means for the packet. */
BH_RULE enum bh_reason bh_judge(const struct bh_question *q)
{
	enum bh_reason below;

	if (q->same_pod)
		return BH_REASON_SELF;
	if (!bh_is_confined_from(q))
		return bh_judge_destination(q);
	if (!(q->src.flags & BH_AUDIT))
		return BH_REASON_CONFINED;
	below = bh_judge_destination(q);
	return bh_verdict_of(below) == BH_VERDICT_ALLOW ? BH_REASON_CONFINED_AUDIT : below;
}

#endif
