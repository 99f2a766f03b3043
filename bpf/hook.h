/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One packet at one hook: what we know of it, and how it got there. Every entry begins with
 * bh_hook_begin() and ends in account.h.
 *
 * The hook lives in a per-CPU map instead of on the stack. Softirqs do not interrupt each other, and each
 * load of the programs has its own map, so it is ours while the program runs; the larger steps can be
 * global functions, which the verifier checks once instead of once for every path that leads there (on
 * 5.10 they take nothing but the context and numbers); and what is in it the verifier doesn't try to
 * track, which keeps the number of paths small.
 */
#ifndef BULKHEAD_BPF_HOOK_H
#define BULKHEAD_BPF_HOOK_H

#include "maps.h"
#include "bulkhead/verdict.h"

/* Continue with whatever program comes next; same value as TCX_NEXT. Never TC_ACT_OK. */
#define BH_PASS (-1)
#define BH_DROP 2 /* TC_ACT_SHOT, TCX_DROP */

/* A conversation from one pod's point of view. */
struct bh_flow_key {
	struct bh_addr peer; /* network */
	__u16 local_port; /* network */
	__u16 peer_port;
	__u8 protocol;
	__u8 local; /* as in struct bh_flow */
	__u16 reserved;
};

/* Where the conversation in hand is remembered; see flow.h. */
struct bh_memory {
	__u64 hash;
	struct bh_flow_key key;
	__u32 tick; /* now, in ticks of 2^BH_FLOW_TICK_SHIFT jiffies, 24 bits */
	__u32 way; /* of the live entry; BH_FLOW_WAYS = there is none */
};

struct bh_hook {
	struct bh_packet packet;
	struct bh_question question;
	__u32 ifindex;
	__u32 ingress_ifindex;
	__u32 src_identity;
	__u32 dst_identity;
	__u32 known_as; /* to a pod: whom the source address names; another than src_identity behind NAT */
	__u32 slot; /* of the pod whose veth this is (uplink: who sent it); 0 = not known */
	__u32 opening_src; /* between which identities the deciding question was asked; 0, 0 = no opening */
	__u32 opening_dst;
	__u32 opening_ask; /* and about what: bh_ask_about() */
	__u32 overridden_by; /* the object that put one side into audit mode for a while; 0 = none did */
	__u32 reply_to; /* for a reply: the reason that allows the original direction */
	__u8 direction; /* enum bh_direction */
	__u8 parsed; /* enum bh_parse_result */
	__u8 first; /* first packet of a conversation: worth an event */
	__u8 dst_is_this_node;
	__u8 only_answers; /* whoever spoke under this source address, it was not the one who began */
	__u8 reserved[3];
	__u32 word; /* of from_pod to the uplink, which the packet meets next: enum bh_word | the pod's slot */
	__u32 word_before; /* what the hook before this one on this CPU left */
	struct bh_memory memory;
	struct bh_packet quoted; /* by an ICMP error */
	struct bh_question asked; /* of another direction than the packet's own */
	struct bh_event event; /* what is told of it */
	struct bh_event displaced; /* what else is to be told, see told.h */
	struct bh_event untold; /* what is not, see untold.h */
	struct bh_addr untold_src; /* as it was before it stood for more than itself */
	struct bh_addr untold_dst;
	__u16 untold_port;
	__u16 reserved2[3];
};

enum bh_word {
	BH_WORD_BEGINS = 1u << 31, /* this packet begins a conversation */
	BH_WORD_KNOWN = 1u << 30, /* it is known whether it does */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bh_hook);
} scratch SEC(".maps");

/*
 * Hides from the compiler what it knows of a value. Of two context reads it would make one, at an address that it
 * computes, and the verifier takes only fixed ones; and a mask that it can prove needless it would drop, though the
 * verifier can't prove it.
 */
#define BH_KEEP(value) asm volatile("" : "+r"(value))

BH_INLINE __u32 bh_ifindex(const struct __sk_buff *skb)
{
	__u32 rehearsed = skb->cb[BH_IN_IFINDEX];

	BH_KEEP(rehearsed);
	return bh_config.rehearsal ? rehearsed : skb->ifindex;
}

BH_INLINE __u32 bh_ingress_ifindex(const struct __sk_buff *skb)
{
	__u32 rehearsed = skb->cb[BH_IN_INGRESS_IFINDEX];

	BH_KEEP(rehearsed);
	return bh_config.rehearsal ? rehearsed : skb->ingress_ifindex;
}

/* A socket of the agent's own network namespace made this packet. Forwarded packets carry none. */
BH_INLINE int bh_has_local_socket(const struct __sk_buff *skb)
{
	__u32 rehearsed = skb->cb[BH_IN_LOCAL_SOCKET];

	BH_KEEP(rehearsed);
	return bh_config.rehearsal ? rehearsed != 0 : skb->sk != 0;
}

BH_INLINE struct bh_hook *bh_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

BH_INLINE const struct bh_control *bh_control_row(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

BH_INLINE int bh_bit(const __u64 *bitmap, __u32 bit)
{
	BH_KEEP(bit); /* the compiler drops a mask that it can prove needless; older verifiers (6.1) prove less */
	bit &= BH_BITMAP_WORDS * 64 - 1;
	return (bitmap[bit / 64] >> (bit % 64)) & 1;
}

/* The pod in a slot; 0 = there is none. */
BH_INLINE const struct bh_pod *bh_pod_in(__u32 slot)
{
	const struct bh_pod *pod = bpf_map_lookup_elem(&pods, &slot);

	return pod && pod->generation ? pod : 0;
}

/* The slot of the pod behind a guarded veth; 0 = no guarded veth, or its pod is not known yet. */
BH_INLINE __u32 bh_slot_of_interface(__u32 ifindex)
{
	const struct bh_interface *interface = bpf_map_lookup_elem(&interfaces, &ifindex);

	return interface ? interface->slot : 0;
}

BH_INLINE void bh_clear_packet(struct bh_packet *packet)
{
	__builtin_memset(packet, 0, sizeof(*packet));
}

/*
 * Parses what lies linearly in the skb into hook->packet; if that is too little and the packet goes on,
 * pulls the rest of the headers in and tries once more. (TCP data usually has all headers linear, and
 * pulling a cloned skb copies it: so only when needed.)
 */
__attribute__((noinline)) int bh_parse_skb(struct __sk_buff *skb)
{
	__u32 wanted = skb->len < BH_MAX_HEADERS ? skb->len : BH_MAX_HEADERS;
	struct bh_hook *hook = bh_here();
	int result = BH_PARSE_SHORT;

	if (!hook)
		return BH_PARSE_MALFORMED;
	for (int attempt = 0; attempt < 2; attempt++) {
		struct bh_cursor cursor = {
			.begin = (const __u8 *)(long)skb->data,
			.end = (const __u8 *)(long)skb->data_end,
			.at = 14,
		};

		bh_clear_packet(&hook->packet);
		result = bh_parse_ip(&cursor, (__u16)skb->protocol, &hook->packet);
		if (result != BH_PARSE_SHORT || (__u32)(cursor.end - cursor.begin) >= wanted)
			break;
		if (bpf_skb_pull_data(skb, wanted))
			break;
	}
	return result == BH_PARSE_SHORT ? BH_PARSE_MALFORMED : result;
}

/* Everything that a hook may read before writing it. */
BH_INLINE struct bh_hook *bh_hook_begin(struct __sk_buff *skb, enum bh_direction direction)
{
	struct bh_hook *hook = bh_here();

	if (!hook)
		return 0;
	hook->question.same_pod = 0;
	hook->question.local_host = 0;
	hook->question.src_is_local = 0;
	hook->question.openings = 0;
	hook->direction = direction;
	hook->ifindex = bh_ifindex(skb);
	hook->ingress_ifindex = bh_ingress_ifindex(skb);
	hook->src_identity = 0;
	hook->known_as = 0;
	hook->dst_identity = 0;
	hook->slot = 0;
	hook->opening_src = 0;
	hook->opening_dst = 0;
	hook->overridden_by = 0;
	hook->reply_to = 0;
	hook->first = 0;
	hook->dst_is_this_node = 0;
	hook->only_answers = 0;
	hook->word_before = hook->word;
	hook->word = 0;
	return hook;
}

#endif
