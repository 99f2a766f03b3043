/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet's story.
 *
 * A pod sends: bh_from_pod makes sure that it sends as itself, and notes who speaks first. If the packet
 * is for a pod of this node, bh_to_pod at that pod's veth is its judge; if it leaves the node,
 * bh_uplink is the judge for AWS resources and for confined senders, and the bh_to_pod of another node
 * for that node's pods. If a NodePort over there leads it on to a resource, that node's bh_uplink is. There is
 * one judge for each destination: the place that knows most about it, after all NAT.
 *
 *   hook.h       one packet at one hook           identity.h   who is behind an address or device
 *   openings.h   exposes, trust, grants           flow.h       who spoke first
 *   socket.h     the pod's own sockets            judge.h      the rule, then: is it a reply?
 *   icmp.h       errors about conversations       fragment.h   ports for later fragments
 *   checksum.h   what would rewrite itself        arp.h        in whose name a pod asks
 *   account.h    counters, pass or drop           event.h      what is told of a packet
 *   told.h       refused ones, told together      untold.h     what is too much to be told
 *   adopt.h      conversations older than us      maps.h       everything that is remembered
 */
#include "account.h"
#include "adopt.h"
#include "arp.h"
#include "checksum.h"
#include "fragment.h"
#include "icmp.h"
#include "identity.h"
#include "judge.h"
#include "recollect.h"

/* Why a packet is not judged by its contents but falls for not being understood. */
BH_INLINE enum bh_reason bh_not_understood(const struct bh_hook *hook)
{
	return hook->parsed == BH_PARSE_EXTENSIONS ? BH_REASON_EXTENSIONS : BH_REASON_MALFORMED;
}

/* The identity of the pod in a slot; without one it is held. */
BH_INLINE __u32 bh_identity_in(__u32 slot)
{
	const struct bh_pod *pod = bh_pod_in(slot);

	return pod ? pod->identity : BH_IDENTITY_HELD;
}

/* ---- from the pod ------------------------------------------------------------------------------- */

/* Why a packet must not leave its pod at all; BH_REASON_COUNT = it may. */
BH_INLINE enum bh_reason bh_refuse_sender(struct __sk_buff *skb, const struct bh_hook *hook)
{
	const struct bh_packet *packet = &hook->packet;
	const struct bh_pod *pod = bh_pod_in(hook->slot);

	if (hook->parsed == BH_PARSE_OTHER)
		return BH_REASON_ETHERTYPE;
	if (!packet->family)
		return BH_REASON_MALFORMED;
	if (!pod || !bh_source_is_own(pod, packet))
		return BH_REASON_SPOOFED;
	if (hook->parsed != BH_PARSED && bh_is_link_local(packet->family, &packet->src))
		return bh_not_understood(hook); /* it may be a router's */
	if (packet->flags & BH_ROUTER_ICMP)
		return BH_REASON_ROUTER_ICMP;
	if (packet->flags & BH_ICMP_ERROR && !bh_error_is_own(skb))
		return BH_REASON_UNRELATED;
	if (bh_rewrites_itself(skb, hook))
		return BH_REASON_CHECKSUM;
	return BH_REASON_COUNT;
}

/*
 * A marked packet passes the uplink wherever NAT takes it. Once conntrack has forgotten the conversation, that is
 * where a Service's author wants it, if it goes to this node (NodePorts) or to a Service's address. No client has a
 * Service's address. This node's address a client may have got from NAT: so there what begins nothing by itself is
 * marked, a TCP packet without its SYN or an ICMP error; a datagram isn't.
 */
BH_INLINE int bh_is_safe_to_mark(const struct bh_hook *hook)
{
	if (hook->question.dst.flags & BH_SERVICE)
		return 0;
	return !hook->dst_is_this_node || hook->packet.protocol == BH_TCP || hook->packet.flags & BH_ICMP_ERROR;
}

/*
 * NAT may lie between here and the uplink: the answer to a client of a NodePort leaves under the node's
 * address and port, which the flow memory doesn't know. So here, where the conversation is the pod's own,
 * the answer is marked as one. No pod can do that: a packet loses its mark where it crosses namespaces.
 */
BH_INLINE void bh_mark_answer(struct __sk_buff *skb, const struct bh_hook *hook)
{
	if (!bh_is_safe_to_mark(hook))
		return;
	skb->mark |= bh_config.answer_mark;
	bh_leave_note(hook);
}

BH_INLINE int bh_is_marked_answer(const struct __sk_buff *skb, const struct bh_packet *packet)
{
	return skb->mark & bh_config.answer_mark && (packet->flags & BH_ICMP_ERROR || !bh_only_begins(packet));
}

/* Does what the pod in hook->slot sends answer, or complain about, what it was asked? */
BH_INLINE int bh_is_answer_sent(struct __sk_buff *skb, const struct bh_hook *hook)
{
	return hook->packet.flags & BH_ICMP_ERROR ? bh_is_related(skb, 0) : bh_is_reply(skb, 1);
}

/* What the rule refuses to a pod that sends may still answer what the pod was asked. */
BH_INLINE enum bh_reason bh_reconsider_sent(struct __sk_buff *skb, const struct bh_hook *hook, enum bh_reason reason)
{
	if (bh_verdict_of(reason) == BH_VERDICT_ALLOW)
		return reason;
	if (hook->parsed != BH_PARSED)
		return bh_verdict_of(reason) == BH_VERDICT_AUDIT ? reason : bh_not_understood(hook);
	if (!bh_is_answer_sent(skb, hook) && !bh_is_marked_answer(skb, &hook->packet))
		return reason;
	return hook->packet.flags & BH_ICMP_ERROR ? BH_REASON_RELATED : BH_REASON_REPLY;
}

/* Is a packet about which the rule says this the uplink's to judge? Of pods only line 2 is. */
BH_INLINE int bh_is_uplinks(const struct bh_question *q, enum bh_reason reason)
{
	return !(q->dst.flags & BH_POD) || reason == BH_REASON_CONFINED || reason == BH_REASON_CONFINED_AUDIT;
}

/* Could the uplink refuse this packet, also if it is an answer? A masked client looks like this node from here. */
BH_INLINE int bh_uplink_may_refuse(const struct bh_hook *hook)
{
	const struct bh_question *q = &hook->question;
	enum bh_reason reason = bh_judge(q);

	return hook->dst_is_this_node || (bh_verdict_of(reason) != BH_VERDICT_ALLOW && bh_is_uplinks(q, reason));
}

/*
 * A confined pod and this node itself: no veth and no uplink lies between them, so it is judged here.
 * Everything else that a pod sends passes another hook of ours, or that of another node.
 */
BH_INLINE int bh_judge_towards_node(struct __sk_buff *skb, struct bh_hook *hook)
{
	enum bh_reason reason;

	if (hook->packet.flags & BH_NEIGHBOR)
		return bh_conclude(skb, BH_REASON_NEIGHBOR);
	reason = bh_reconsider_sent(skb, hook, bh_ask_about_packet(hook));
	if (bh_ports_decided(hook, reason))
		bh_leave_note(hook);
	if (reason == BH_REASON_REPLY || reason == BH_REASON_RELATED)
		bh_mark_answer(skb, hook);
	return bh_conclude(skb, reason);
}

/*
 * Behind NAT the uplink can't ask the flow memory whether a packet begins its conversation. But unless somebody holds
 * it up it is the next that this CPU sees there; so it is told here.
 */
BH_INLINE void bh_note_sent(struct bh_hook *hook)
{
	bh_note_passing(1, hook->question.dst.tenant);
	hook->word = hook->slot | BH_WORD_KNOWN | (hook->first ? BH_WORD_BEGINS : 0);
}

/* A pod sends as itself. Only what is remembered, marked or judged here costs a look at where it goes. */
BH_INLINE int bh_send_on(struct __sk_buff *skb, const struct bh_control *control, struct bh_hook *hook)
{
	int noted = hook->parsed == BH_PARSED && bh_is_worth_noting(&hook->packet);
	int confined = (hook->question.src.flags & BH_CONFINED) != 0;
	int marks = bh_config.answer_mark && control->armed & BH_ARMED;
	struct bh_who dst;

	if (!noted && !confined && !marks)
		return bh_leave_to_others(skb);
	dst = bh_who_is(control, hook->packet.family, &hook->packet.dst);
	hook->dst_identity = dst.identity;
	hook->dst_is_this_node = (dst.flags & BH_ENDPOINT_THIS_NODE) != 0;
	hook->question.src_is_local = 1;
	bh_identity_row(hook->dst_identity, &hook->question.dst);
	if (noted)
		bh_note_sent(hook);
	if (confined && (hook->dst_is_this_node || bh_ends_here(hook->packet.family, &hook->packet.dst)))
		return bh_judge_towards_node(skb, hook);
	if (marks && hook->parsed == BH_PARSED && bh_uplink_may_refuse(hook) && bh_is_answer_sent(skb, hook))
		bh_mark_answer(skb, hook);
	return bh_leave_to_others(skb);
}

SEC("tc")
int bh_from_pod(struct __sk_buff *skb)
{
	const struct bh_control *control = bh_control_row();
	struct bh_hook *hook = bh_hook_begin(skb, BH_EGRESS);
	enum bh_reason refused;

	if (!control || !hook)
		return BH_PASS;
	hook->parsed = (__u8)bh_parse_skb(skb);
	hook->slot = bh_slot_of_interface(hook->ifindex);
	hook->src_identity = bh_identity_in(hook->slot);
	if (hook->parsed == BH_PARSE_ARP)
		return bh_arp_is_own(skb, hook) ? bh_leave_to_others(skb) : bh_conclude(skb, BH_REASON_SPOOFED);
	refused = bh_refuse_sender(skb, hook);
	if (refused != BH_REASON_COUNT)
		return bh_conclude(skb, refused);
	bh_read_note(hook);
	bh_identity_row(hook->src_identity, &hook->question.src);
	return bh_send_on(skb, control, hook);
}

/* ---- to the pod --------------------------------------------------------------------------------- */

/* Who sent it: told by the device if it came from a pod here, else by the address. */
BH_INLINE void bh_identify_sender(struct __sk_buff *skb, struct bh_hook *hook, const struct bh_control *control)
{
	struct bh_question *q = &hook->question;
	struct bh_who who = bh_who_is(control, hook->packet.family, &hook->packet.src);
	__u32 slot = bh_local_sender(control, hook->ingress_ifindex, who.slot);

	hook->known_as = who.identity;
	hook->src_identity = slot ? bh_identity_in(slot) : who.identity;
	bh_identity_row(hook->src_identity, &q->src);
	if (!slot && !hook->ingress_ifindex)
		slot = who.slot; /* through IPv6's slow path, which forgets the device */
	q->src_is_local = slot != 0;
	q->same_pod = slot != 0 && slot == hook->slot;
	q->local_host = hook->ingress_ifindex == 0 && (who.flags & BH_ENDPOINT_THIS_NODE) && bh_has_local_socket(skb);
}

/* What the rule refuses may still answer, or report an error about, what the pod itself may do. */
BH_INLINE enum bh_reason bh_reconsider(struct __sk_buff *skb, struct bh_hook *hook, enum bh_reason reason)
{
	int audit = bh_verdict_of(reason) == BH_VERDICT_AUDIT;

	if (hook->parsed != BH_PARSED)
		return audit ? reason : bh_not_understood(hook);
	if (hook->packet.flags & BH_ICMP_ERROR) {
		if (bh_is_related(skb, 1))
			return BH_REASON_RELATED;
		return audit ? reason : BH_REASON_UNRELATED;
	}
	return bh_is_reply(skb, 0) ? BH_REASON_REPLY : reason;
}

SEC("tc")
int bh_to_pod(struct __sk_buff *skb)
{
	const struct bh_control *control = bh_control_row();
	struct bh_hook *hook = bh_hook_begin(skb, BH_INGRESS);
	enum bh_reason reason;
	int passes;

	if (!control || !hook)
		return BH_PASS;
	hook->parsed = (__u8)bh_parse_skb(skb);
	if (hook->parsed == BH_PARSE_ARP || hook->parsed == BH_PARSE_OTHER)
		return bh_leave_to_others(skb);
	/* Without a device alone it could be a forwarded one, which IPv6's slow path made forget its own. */
	if (hook->packet.flags & BH_NEIGHBOR && hook->ingress_ifindex == 0 && bh_has_local_socket(skb))
		return bh_conclude(skb, BH_REASON_NEIGHBOR);
	hook->slot = bh_slot_of_interface(hook->ifindex);
	hook->dst_identity = bh_identity_in(hook->slot);
	bh_identity_row(hook->dst_identity, &hook->question.dst);
	bh_identify_sender(skb, hook, control);
	bh_read_note(hook);
	reason = bh_ask_about_packet(hook);
	if (bh_verdict_of(reason) != BH_VERDICT_ALLOW)
		reason = bh_reconsider(skb, hook, reason);
	passes = bh_verdict_of(reason) != BH_VERDICT_DENY || !bh_drops(control);
	if (passes && bh_ports_decided(hook, reason))
		bh_leave_note(hook);
	if (passes && reason != BH_REASON_REPLY && hook->parsed == BH_PARSED && bh_is_worth_noting(&hook->packet)) {
		hook->only_answers = (bh_flags_of(hook->known_as) & BH_SERVICE) != 0;
		bh_note_passing(0, bh_tenant_of_sender(hook));
	}
	return bh_conclude(skb, reason);
}

/* ---- off the node ------------------------------------------------------------------------------- */

/* The node's own packets are nobody's business here. */
BH_INLINE int bh_is_nodes_own(const struct __sk_buff *skb, const struct bh_hook *hook)
{
	return hook->ingress_ifindex == 0 && bh_has_local_socket(skb);
}

/*
 * Who sent what has neither device nor socket; 0 = no pod did. It went through IPv6's slow path, which forgets the
 * device; its address, which the first hook has checked, tells the pod. But it may have got the node's address from NAT
 * before: then nobody knows which pod it was, and it is judged as one that is not known yet.
 */
BH_INLINE int bh_identify_forgotten(const struct bh_control *control, struct bh_hook *hook)
{
	struct bh_who who = bh_who_is(control, hook->packet.family, &hook->packet.src);

	hook->slot = who.slot;
	hook->src_identity = bh_identity_in(hook->slot);
	return hook->slot || (hook->packet.family == BH_IPV6 && who.flags & BH_ENDPOINT_THIS_NODE);
}

/*
 * Who sent what came to this node from elsewhere; 0 = nobody's business. On its way here it was judged as a packet to
 * this node; that a NodePort leads it on to a resource shows only now. It is a pod's by its address, or was masked: then
 * it is judged as this node. Only what begins is judged, since the answers of pods behind NodePorts, and errors about
 * what they were asked, pass here as well, and nobody remembers these.
 */
BH_INLINE int bh_identify_forwarded(const struct bh_control *control, struct bh_hook *hook)
{
	struct bh_who who;

	if (hook->parsed == BH_PARSED && (!bh_only_begins(&hook->packet) || hook->packet.flags & BH_ICMP_ERROR))
		return 0;
	who = bh_who_is(control, hook->packet.family, &hook->packet.src);
	hook->src_identity = who.identity;
	return who.flags & BH_ENDPOINT_THIS_NODE || bh_flags_of(who.identity) & BH_POD;
}

/* Who sent it; 0 = nobody whose packets are judged here. */
BH_INLINE int bh_identify_leaving(const struct bh_control *control, struct bh_hook *hook)
{
	hook->slot = bh_local_sender(control, hook->ingress_ifindex, 0);
	if (!hook->slot)
		return hook->ingress_ifindex ? bh_identify_forwarded(control, hook) :
					       bh_identify_forgotten(control, hook);
	hook->src_identity = bh_identity_in(hook->slot);
	return 1;
}

/* See bh_note_sent(). What was held up on its way begins what a SYN begins. */
BH_INLINE int bh_begins_here(const struct bh_hook *hook)
{
	__u32 word = hook->word_before;

	if ((word & ~BH_WORD_BEGINS) == (hook->slot | BH_WORD_KNOWN))
		return (word & BH_WORD_BEGINS) != 0;
	return hook->packet.protocol == BH_TCP && bh_only_begins(&hook->packet);
}

SEC("tc")
int bh_uplink(struct __sk_buff *skb)
{
	const struct bh_control *control = bh_control_row();
	struct bh_hook *hook = bh_hook_begin(skb, BH_EGRESS);
	enum bh_reason reason;
	int forwarded;

	if (!control || !hook)
		return BH_PASS;
	if (bh_is_nodes_own(skb, hook))
		return bh_leave_to_others(skb);
	hook->parsed = (__u8)bh_parse_skb(skb);
	if (!hook->packet.family)
		return bh_leave_to_others(skb);
	if (!bh_identify_leaving(control, hook))
		return bh_leave_to_others(skb);
	forwarded = hook->ingress_ifindex && !hook->slot;
	bh_identity_row(hook->src_identity, &hook->question.src);
	hook->dst_identity = bh_who_is(control, hook->packet.family, &hook->packet.dst).identity;
	bh_identity_row(hook->dst_identity, &hook->question.dst);
	if (forwarded && !(hook->question.dst.flags & BH_PROTECTED))
		return bh_leave_to_others(skb);
	hook->question.src_is_local = !forwarded;
	bh_read_note(hook);
	reason = bh_ask_about_packet(hook);
	if (!bh_is_uplinks(&hook->question, reason))
		return bh_leave_to_others(skb); /* the pod's own node judges the rest */
	reason = bh_reconsider_sent(skb, hook, reason);
	if (bh_verdict_of(reason) != BH_VERDICT_DENY && bh_ports_decided(hook, reason))
		bh_leave_note(hook);
	hook->first = (__u8)bh_begins_here(hook);
	return bh_conclude(skb, reason);
}

/* ---- for the agent ------------------------------------------------------------------------------ */

/* Tells the kernel's clock, so that the agent can translate dates: cb[0], cb[1] = jiffies64. */
SEC("tc")
int bh_clock(struct __sk_buff *skb)
{
	__u64 now = bpf_jiffies64();

	skb->cb[0] = (__u32)now;
	skb->cb[1] = (__u32)(now >> 32);
	return BH_PASS;
}

/* Remembers a conversation that is older than the programs: struct bh_adoption. cb[0]: 1 = it is remembered. */
SEC("tc")
int bh_adopt(struct __sk_buff *skb)
{
	const struct bh_control *control = bh_control_row();
	struct bh_adopting *adopting;
	__u32 zero = 0;

	adopting = bpf_map_lookup_elem(&adopting_room, &zero);
	if (!control || !adopting)
		return BH_PASS;
	if (bpf_skb_load_bytes(skb, BH_ADOPTION_AT, &adopting->told, sizeof(adopting->told)))
		return BH_PASS;
	skb->cb[0] = (__u32)bh_adopt_told(adopting, control);
	return BH_PASS;
}

/* Tells what is due of refused conversations that fell silent. cb[0]: the first of BH_TOLD_SETS_PER_RUN sets. */
SEC("tc")
int bh_tell_rest(struct __sk_buff *skb)
{
	__u32 first = skb->cb[0];

	for (__u32 i = 0; i < BH_TOLD_SETS_PER_RUN; i++)
		bh_tell_rest_of(first + i);
	return BH_PASS;
}

/* Tells of a pod's flow memory: cb[] as bh_recollect_in and bh_recollect_out, struct bh_recollection in the packet. */
SEC("tc")
int bh_recollect(struct __sk_buff *skb)
{
	__u32 slot = skb->cb[BH_RECOLLECT_SLOT];
	__u32 next = skb->cb[BH_RECOLLECT_FROM];
	const struct bh_pod *pod = bh_pod_in(slot);
	__u32 count = 0;

	skb->cb[BH_RECOLLECTED_SETS] = pod ? pod->flow_sets : 0;
	skb->cb[BH_RECOLLECTED_GENERATION] = pod ? pod->generation : 0;
	for (__u32 i = 0; i < BH_RECOLLECTION_SETS && count <= BH_RECOLLECTION_ROOM - BH_FLOW_WAYS; i++)
		count = (__u32)bh_recollect_set(skb, slot, next++, count);
	skb->cb[BH_RECOLLECTED_NEXT] = next;
	skb->cb[BH_RECOLLECTED_COUNT] = count;
	return BH_PASS;
}

char bh_license[] SEC("license") = "Dual BSD/GPL";
