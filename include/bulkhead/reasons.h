/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a packet passed or fell: one list that is the enum, the counters' index, the metrics' label and
 * the text of bulkheadctl. Append at the end; the numbers are in pinned maps.
 *
 * X(NAME, label, verdict, text)
 */
#ifndef BULKHEAD_REASONS_H
#define BULKHEAD_REASONS_H

#define BH_REASONS(X) \
	X(SELF, "self", ALLOW, "source and destination are the same pod") \
	X(CONFINED, "confined", DENY, "the source is confined, and the destination is neither its tenant, cluster DNS nor in its allowTo") \
	X(OPEN, "open", ALLOW, "the destination is not protected") \
	X(SAME_TENANT, "same-tenant", ALLOW, "source and destination belong to the same tenant") \
	X(LOCAL_HOST, "local-host", ALLOW, "made by the destination's own node (kubelet probes)") \
	X(EXPOSED, "exposed", ALLOW, "the destination exposes this port to everybody") \
	X(TRUSTED, "trusted", ALLOW, "the source is trusted on this port") \
	X(GRANTED, "granted", ALLOW, "the destination's owner grants the source this port") \
	X(NOT_GRANTED, "not-granted", DENY, "the destination is protected and nothing opens it to the source") \
	X(REPLY, "reply", ALLOW, "answers a conversation that the receiver began and may have") \
	X(RELATED, "related", ALLOW, "an ICMP error about the receiver's own conversation") \
	X(AUDIT, "audit", AUDIT, "would be not-granted; the destination is in audit mode, or overridden") \
	X(CONFINED_AUDIT, "confined-audit", AUDIT, "would be confined; the source is in audit mode, or overridden") \
	X(HELD, "held", DENY, "the receiving pod is not known yet") \
	X(SPOOFED, "spoofed", DENY, "the source address is not the sending pod's") \
	X(ETHERTYPE, "ethertype", DENY, "neither IPv4, IPv6 nor ARP") \
	X(MALFORMED, "malformed", DENY, "its headers are cut short or contradict each other") \
	X(EXTENSIONS, "extensions", DENY, "more IPv6 extension headers than are followed") \
	X(UNRELATED, "unrelated", DENY, "an ICMP error about no conversation of the receiver's") \
	X(ROUTER_ICMP, "router-icmp", DENY, "a redirect or router advertisement from a pod") \
	X(NEIGHBOR, "neighbor", ALLOW, "neighbour discovery between a pod and its node") \
	X(ASLEEP, "asleep", ALLOW, "would be dropped; but nothing is protected in enforce mode, or an override holds for everybody") \
	X(CHECKSUM, "checksum", DENY, "a pod asks the kernel to write a checksum over headers, which would change what was judged")

/* Audit passes the packet and says that it would have been dropped. */
enum bh_verdict { BH_VERDICT_ALLOW = 0, BH_VERDICT_AUDIT = 1, BH_VERDICT_DENY = 2 };

enum bh_reason {
#define X(name, label, verdict, text) BH_REASON_##name,
	BH_REASONS(X)
#undef X
	BH_REASON_COUNT
};

/* Sets of reasons as bits, so that the kernel programs, which have no jump tables, ask without a branch. */
#define X(name, label, verdict, text) | (BH_VERDICT_##verdict == BH_VERDICT_ALLOW ? 1u << BH_REASON_##name : 0u)
enum { BH_REASONS_THAT_ALLOW = 0u BH_REASONS(X) };
#undef X
#define X(name, label, verdict, text) | (BH_VERDICT_##verdict == BH_VERDICT_AUDIT ? 1u << BH_REASON_##name : 0u)
enum { BH_REASONS_THAT_AUDIT = 0u BH_REASONS(X) };
#undef X

static inline __attribute__((always_inline)) enum bh_verdict bh_verdict_of(enum bh_reason reason)
{
	if ((unsigned int)reason >= BH_REASON_COUNT)
		return BH_VERDICT_DENY;
	if ((BH_REASONS_THAT_ALLOW >> reason) & 1)
		return BH_VERDICT_ALLOW;
	return (BH_REASONS_THAT_AUDIT >> reason) & 1 ? BH_VERDICT_AUDIT : BH_VERDICT_DENY;
}

#endif
