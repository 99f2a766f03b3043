/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors (RFC 792, 4443) are about another packet, which they quote. A pod may only complain about
 * what was sent to it (or through it, if it routes for others), and a Protected pod only hears complaints about its own conversations.
 */
#ifndef BULKHEAD_BPF_ICMP_H
#define BULKHEAD_BPF_ICMP_H

#include "judge.h"

/* The quoted packet's addresses and ports, into hook->quoted. 0 = it can't be read. */
BH_INLINE int bh_parse_quoted(struct __sk_buff *skb, struct bh_hook *hook)
{
	__u32 wanted = skb->len < BH_MAX_HEADERS ? skb->len : BH_MAX_HEADERS;
	__u16 ethertype = hook->packet.family == BH_IPV4 ? BH_ETHERTYPE_IPV4 : BH_ETHERTYPE_IPV6;
	struct bh_cursor cursor;

	if (bpf_skb_pull_data(skb, wanted))
		return 0;
	cursor.begin = (const __u8 *)(long)skb->data;
	cursor.end = (const __u8 *)(long)skb->data_end;
	cursor.at = hook->packet.payload;
	bh_clear_packet(&hook->quoted);
	hook->quoted.flags = BH_QUOTED;
	return bh_parse_ip(&cursor, ethertype, &hook->quoted) == BH_PARSED;
}

/* May the pod send this error: was the quoted packet sent to it, or through it? */
__attribute__((noinline)) int bh_error_is_own(struct __sk_buff *skb)
{
	struct bh_hook *hook = bh_here();
	const struct bh_pod *pod;

	if (!hook || !bh_parse_quoted(skb, hook))
		return 0;
	pod = bh_pod_in(hook->slot);
	if (!pod)
		return 0;
	return pod->flags & BH_POD_ANY_SOURCE ||
	       bh_address_index(pod, hook->quoted.family, &hook->quoted.dst) != BH_POD_ADDRESSES;
}

/* Who began the conversation that an error is about: 1 = the pod in hook->slot, 0 = its peer, -1 = the pod
 * has no such conversation. `sent`: the quoted packet was the pod's own, else it was sent to the pod. */
BH_INLINE int bh_quoted_spoke_first(struct __sk_buff *skb, struct bh_hook *hook, int sent)
{
	struct bh_flow_set *set = bh_recall(&hook->memory, &hook->quoted, hook->slot, sent);
	const struct bh_flow *flow = set ? bh_recalled(set, &hook->memory) : 0;

	if (flow)
		return bh_local_spoke_first(flow);
	return bh_socket_spoke_first(skb, &hook->quoted, bh_pod_in(hook->slot), sent);
}

/* May whoever began the quoted conversation have it? */
BH_INLINE int bh_quoted_is_allowed(struct bh_hook *hook, __u32 self, __u32 peer, int local_first, int sent)
{
	struct bh_question *q = &hook->asked;
	__u32 src = local_first ? self : peer;
	__u32 dst = local_first ? peer : self;
	__u16 port = local_first == sent ? hook->quoted.dst_port : hook->quoted.src_port;

	__builtin_memset(q, 0, sizeof(*q));
	bh_identity_row(src, &q->src);
	bh_identity_row(dst, &q->dst);
	/* Line 2 of what the pod sent to a Service was judged after NAT, see bh_ask_original(). */
	q->src_is_local = local_first && !(sent && q->dst.flags & BH_SERVICE);
	return bh_verdict_of(bh_ask_rule(hook, q, src, dst, bh_ask_about(&hook->quoted, port))) != BH_VERDICT_DENY;
}

/*
 * Is an error that the rule refuses about a conversation between its receiver and the pod in hook->slot,
 * which the rule allows from whoever began it? `sent`: the quoted packet was the pod's own (the pod hears
 * of it), else it was sent to the pod (the pod complains).
 */
__attribute__((noinline)) int bh_is_related(struct __sk_buff *skb, int sent)
{
	const struct bh_control *control = bh_control_row();
	struct bh_hook *hook = bh_here();
	const struct bh_addr *own, *other;
	const struct bh_pod *pod;
	int local_first;

	if (!control || !hook || !bh_parse_quoted(skb, hook))
		return 0;
	sent = sent != 0;
	own = sent ? &hook->quoted.src : &hook->quoted.dst;
	other = sent ? &hook->quoted.dst : &hook->quoted.src;
	pod = bh_pod_in(hook->slot);
	if (!pod || bh_address_index(pod, hook->quoted.family, own) == BH_POD_ADDRESSES)
		return 0;
	if (!sent && !bh_same_address(other, &hook->packet.dst))
		return 0;
	local_first = bh_quoted_spoke_first(skb, hook, sent);
	if (local_first < 0)
		return 0;
	return bh_quoted_is_allowed(hook, sent ? hook->dst_identity : hook->src_identity,
				    bh_who_is(control, hook->quoted.family, other).identity, local_first, sent);
}

#endif
