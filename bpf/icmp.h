/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors (RFC 792, 4443) are about another packet, which they quote. A pod may only complain about
 * what was sent to it, and a Protected pod only hears complaints about its own conversations.
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

/* May the pod send this error: was the quoted packet sent to it? */
__attribute__((noinline)) int bh_error_is_own(struct __sk_buff *skb)
{
	struct bh_hook *hook = bh_here();
	const struct bh_pod *pod;

	if (!hook || !bh_parse_quoted(skb, hook))
		return 0;
	pod = bh_pod_in(hook->slot);
	return pod && bh_address_index(pod, hook->quoted.family, &hook->quoted.dst) != BH_POD_ADDRESSES;
}

/* Who began the conversation that the receiving pod hears an error about: 1 = the pod, 0 = its peer,
 * -1 = it has no such conversation. */
BH_INLINE int bh_quoted_spoke_first(struct __sk_buff *skb, struct bh_hook *hook)
{
	const struct bh_pod *pod = bh_pod_in(hook->slot);
	struct bh_flow_set *set = bh_recall(&hook->memory, &hook->quoted, hook->slot, 1);
	const struct bh_flow *flow = set ? bh_recalled(set, &hook->memory) : 0;

	if (flow)
		return bh_local_spoke_first(flow);
	if (!pod || hook->quoted.protocol != BH_TCP)
		return -1;
	return bh_socket_spoke_first(skb, &hook->quoted, pod->nsid, 1);
}

/*
 * Does an error that the rule refuses tell the receiving pod about a conversation of its own, which the
 * rule allows from whoever began it?
 */
__attribute__((noinline)) int bh_is_related(struct __sk_buff *skb)
{
	const struct bh_control *control = bh_control_row();
	struct bh_hook *hook = bh_here();
	struct bh_question *q;
	const struct bh_pod *pod;
	__u32 peer, self;
	int local_first;

	if (!control || !hook || !bh_parse_quoted(skb, hook))
		return 0;
	pod = bh_pod_in(hook->slot);
	if (!pod || bh_address_index(pod, hook->quoted.family, &hook->quoted.src) == BH_POD_ADDRESSES)
		return 0;
	local_first = bh_quoted_spoke_first(skb, hook);
	if (local_first < 0)
		return 0;
	q = &hook->asked;
	__builtin_memset(q, 0, sizeof(*q));
	self = hook->dst_identity;
	peer = bh_who_is(control, hook->quoted.family, &hook->quoted.dst).identity;
	bh_identity_row(local_first ? self : peer, &q->src);
	bh_identity_row(local_first ? peer : self, &q->dst);
	q->src_is_local = local_first != 0;
	return bh_verdict_of(bh_ask_rule(hook, q, local_first ? self : peer, local_first ? peer : self,
					 bh_ask_about(&hook->quoted, local_first ? hook->quoted.dst_port :
										   hook->quoted.src_port))) !=
	       BH_VERDICT_DENY;
}

#endif
