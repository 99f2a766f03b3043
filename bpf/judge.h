/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From what was gathered to a reason: ask the rule; if it says no, see whether the packet answers a
 * conversation that the rule allows in its original direction.
 */
#ifndef BULKHEAD_BPF_JUDGE_H
#define BULKHEAD_BPF_JUDGE_H

#include "flow.h"
#include "socket.h"

/* Could an opening still change what the rule says? Openings only ever allow, so what passes without one
 * passes; only on a resource with open ports they may name an earlier line than the one found. */
BH_INLINE int bh_openings_matter(const struct bh_question *q, enum bh_reason reason)
{
	if (bh_verdict_of(reason) != BH_VERDICT_ALLOW)
		return 1;
	return reason > BH_REASON_OPEN && (q->dst.flags & (BH_RESOURCE | BH_ASK_TO)) == (BH_RESOURCE | BH_ASK_TO);
}

/* The rule's answer to `q`, from identity `src` to `dst` about `ask` (see bh_ask_about). */
BH_INLINE enum bh_reason bh_ask_rule(struct bh_hook *hook, struct bh_question *q, __u32 src, __u32 dst, __u32 ask)
{
	enum bh_reason reason = bh_judge(q);

	if (!bh_openings_matter(q, reason))
		return reason;
	q->openings = bh_look_up_openings(q, src, dst, ask);
	if (q->openings) {
		hook->opening_src = src;
		hook->opening_dst = dst;
		hook->opening_ask = ask;
		reason = bh_judge(q);
	}
	if (bh_verdict_of(reason) == BH_VERDICT_DENY && bh_lift(q == &hook->asked))
		reason = bh_judge(q);
	return reason;
}

/* The packet's own direction. */
BH_INLINE enum bh_reason bh_ask_about_packet(struct bh_hook *hook)
{
	return bh_ask_rule(hook, &hook->question, hook->src_identity, hook->dst_identity,
			   bh_ask_about(&hook->packet, hook->packet.dst_port));
}

/* Can this packet only begin a conversation, never answer one? */
BH_INLINE int bh_only_begins(const struct bh_packet *packet)
{
	if (packet->protocol == BH_TCP)
		return (packet->tcp_flags & (BH_TCP_SYN | BH_TCP_ACK)) == BH_TCP_SYN;
	return (packet->flags & (BH_ECHO_REQUEST | BH_ICMP_ERROR | BH_SCTP_INIT)) != 0;
}

/*
 * Did the pod in hook->slot begin this conversation? 1 = yes, 0 = its peer did, -1 = nobody knows, or
 * the peer's address is another tenant's by now. The entry is the truth where there is one; else the
 * pod's own sockets are, and what they say is remembered.
 */
BH_INLINE int bh_pod_spoke_first(struct __sk_buff *skb, struct bh_hook *hook, struct bh_flow_set *set, int from_pod,
				 __u32 peer_tenant)
{
	const struct bh_flow *flow = set ? bh_recalled(set, &hook->memory) : 0;
	int local_first;

	if (flow) {
		__u32 then = flow->who & BH_FLOW_TENANT_MASK;

		return then && then != peer_tenant ? -1 : bh_local_spoke_first(flow);
	}
	local_first = bh_socket_spoke_first(skb, &hook->packet, bh_pod_in(hook->slot), from_pod);
	if (local_first >= 0 && set)
		bh_remember(set, &hook->memory, local_first, peer_tenant);
	return local_first;
}

/*
 * Did the packet pass because of its ports, or because of what it answers? Then the rest of it, which doesn't say
 * these things, needs to know.
 */
BH_INLINE int bh_ports_decided(const struct bh_hook *hook, enum bh_reason reason)
{
	return hook->question.openings || reason == BH_REASON_REPLY;
}

/* To which tenant a pod's peer belongs as the pod knows it: by the address that it talks to. */
BH_INLINE __u32 bh_tenant_of_sender(const struct bh_hook *hook)
{
	return hook->known_as == hook->src_identity ? hook->question.src.tenant : bh_tenant_of(hook->known_as);
}

/*
 * The rule about the original direction of a packet that seems to answer. Behind a Service the pod talked
 * to another address and port than its peer's own; those only the hook after NAT knows, and it judged all
 * that went there, line 2 included: the peer's veth on this node, else the uplink. So here the address that
 * the pod knows stands for its peer. Only between a pod and its own node there is no such hook.
 */
BH_INLINE enum bh_reason bh_ask_original(const struct __sk_buff *skb, struct bh_hook *hook, int from_pod)
{
	struct bh_question *original = &hook->asked;
	__u32 peer = from_pod ? hook->src_identity : hook->known_as;

	original->src = hook->question.dst;
	original->dst = hook->question.src;
	original->same_pod = hook->question.same_pod;
	original->src_is_local = !from_pod;
	original->local_host = from_pod && hook->dst_is_this_node;
	original->openings = 0;
	if (peer != hook->src_identity) {
		bh_identity_row(peer, &original->dst);
		original->src_is_local = 0;
	}
	if (original->dst.flags & BH_SERVICE && !bh_has_local_socket(skb))
		original->src_is_local = 0;
	return bh_ask_rule(hook, original, hook->dst_identity, peer,
			   bh_ask_about(&hook->packet, hook->packet.src_port));
}

BH_INLINE void bh_refused(struct bh_flow_set *set, const struct bh_hook *hook)
{
	struct bh_flow *flow = set ? bh_recalled(set, &hook->memory) : 0;

	if (flow)
		bh_keep_alive(flow, hook->memory.tick);
}

/*
 * Does a packet that the rule refuses answer a conversation that the rule allows? `from_pod`: the pod in
 * hook->slot sent it (uplink, node), else receives it. Asks anew each time, so that what was revoked
 * stops now.
 */
__attribute__((noinline)) int bh_is_reply(struct __sk_buff *skb, int from_pod)
{
	struct bh_hook *hook = bh_here();
	struct bh_flow_set *set;
	enum bh_reason reason;
	__u32 peer_tenant;
	int local_first;

	if (!hook || bh_only_begins(&hook->packet) ||
	    hook->packet.flags & (BH_LATER_FRAGMENT | BH_NEIGHBOR | BH_ROUTER_ICMP))
		return 0;
	from_pod = from_pod != 0;
	peer_tenant = from_pod ? hook->question.dst.tenant : bh_tenant_of_sender(hook);
	set = bh_recall(&hook->memory, &hook->packet, hook->slot, from_pod);
	local_first = bh_pod_spoke_first(skb, hook, set, from_pod, peer_tenant);
	if (local_first == from_pod)
		bh_refused(set, hook);
	if (local_first < 0 || local_first == from_pod)
		return 0;
	reason = bh_ask_original(skb, hook, from_pod);
	if (bh_verdict_of(reason) == BH_VERDICT_DENY)
		return 0;
	hook->reply_to = reason;
	if (set) {
		struct bh_flow *flow = bh_recalled(set, &hook->memory);

		if (flow)
			bh_refresh(flow, hook->memory.tick, &hook->packet, from_pod);
	}
	return 1;
}

/* Does this packet concern the flow memory when it passes? TCP tells by itself who speaks first, so
 * only what opens or closes a connection does. */
BH_INLINE int bh_is_worth_noting(const struct bh_packet *packet)
{
	if (packet->protocol == BH_TCP)
		return packet->tcp_flags & (BH_TCP_SYN | BH_TCP_FIN | BH_TCP_RST);
	return !(packet->flags & (BH_ICMP_ERROR | BH_ROUTER_ICMP | BH_NEIGHBOR | BH_LATER_FRAGMENT));
}

/* May it be the first of its conversation, if no live entry says otherwise? */
BH_INLINE int bh_may_begin(const struct bh_packet *packet)
{
	if (packet->protocol == BH_TCP)
		return bh_only_begins(packet);
	return !(packet->flags & BH_ECHO_REPLY);
}

BH_INLINE int bh_is_with(const struct bh_flow *flow, __u32 peer_tenant)
{
	return (flow->who & BH_FLOW_TENANT_MASK) == (peer_tenant & BH_FLOW_TENANT_MASK);
}

/*
 * The initiator stays who it was, but for a new connection (or echo) where an old one was: from the other
 * side, with another tenant, or after its end.
 */
BH_INLINE int bh_begins_anew(const struct bh_packet *packet, const struct bh_flow *flow, int from_pod,
			     __u32 peer_tenant)
{
	if (!bh_only_begins(packet))
		return 0;
	return bh_local_spoke_first(flow) != from_pod || !bh_is_with(flow, peer_tenant) || bh_flow_is_over(flow);
}

/* After a packet passed that is worth noting. */
__attribute__((noinline)) int bh_note_passing(int from_pod, __u32 peer_tenant)
{
	struct bh_hook *hook = bh_here();
	struct bh_flow_set *set;
	struct bh_flow *flow;

	if (!hook)
		return 0;
	from_pod = from_pod != 0;
	set = bh_recall(&hook->memory, &hook->packet, hook->slot, from_pod);
	if (!set)
		return 0;
	flow = bh_recalled(set, &hook->memory);
	if (flow && (hook->only_answers || !bh_begins_anew(&hook->packet, flow, from_pod, peer_tenant))) {
		/* With another tenant than it began with it is cut; but not for ever, as long as somebody goes on. */
		if (bh_is_with(flow, peer_tenant))
			bh_refresh(flow, hook->memory.tick, &hook->packet, from_pod);
		return 0;
	}
	if (hook->only_answers || !bh_may_begin(&hook->packet))
		return 0;
	bh_remember(set, &hook->memory, from_pod, peer_tenant);
	hook->first = 1;
	return 0;
}

#endif
