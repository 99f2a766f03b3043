/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow memory: who spoke first in a conversation, as one pod's veth sees it. Each pod has a table
 * of its own (so nobody can evict another pod's), set-associative. bh_flow_rank() says what gives way.
 *
 * An entry is never a verdict. It only says which direction to ask the rule about.
 */
#ifndef BULKHEAD_BPF_FLOW_H
#define BULKHEAD_BPF_FLOW_H

#include "account.h"
#include "hash.h"
#include "identity.h"

/* Idle times in seconds, those of nf_conntrack (Documentation/networking/nf_conntrack-sysctl.rst). */
enum bh_idle {
	BH_IDLE_TCP_UNANSWERED = 120,
	BH_IDLE_TCP = 432000,
	BH_IDLE_TCP_FINISHED = 120,
	BH_IDLE_TCP_RESET = 10,
	BH_IDLE_UDP_UNANSWERED = 30,
	BH_IDLE_UDP = 120,
	BH_IDLE_ICMP = 30,
	BH_IDLE_SCTP_UNANSWERED = 10,
	BH_IDLE_SCTP = 432000,
	BH_IDLE_OTHER = 600,
};

/*
 * The high half of the state byte counts how often the other side alone kept the entry alive, each time
 * by half an idle time: an initiator that has long gone is not kept "speaking" by its peer for ever.
 */
#define BH_FLOW_CREDIT_SHIFT 4
#define BH_FLOW_CREDIT_MAX 15

BH_INLINE __u64 bh_flow_hash(const struct bh_flow_key *key, __u32 generation)
{
	__u64 hash = bh_config.flow_seed ^ generation;

	hash = bh_mix_address(hash, &key->peer);
	hash = bh_mix(hash, (__u64)key->local_port << 48 | (__u64)key->peer_port << 32 | (__u32)key->protocol << 8 |
				    key->local);
	return bh_mix(hash, hash >> 32);
}

/* Never 0, so that an empty way matches nothing. */
BH_INLINE __u16 bh_flow_check(__u64 hash, __u32 who)
{
	__u32 mixed = ((__u32)hash ^ who) * 0x85ebca6bu;

	return (__u16)(mixed >> 16) | 1;
}

BH_INLINE __u32 bh_flow_now(void)
{
	return (__u32)(bpf_jiffies64() >> BH_FLOW_TICK_SHIFT) & 0xffffff;
}

/*
 * Ticks since this entry was last seen; 24 bits wrap after weeks, long after any idle time. Another CPU may
 * have seen it a tick later than `tick`: that is now, not weeks ago.
 */
BH_INLINE __u32 bh_flow_age(const struct bh_flow *flow, __u32 tick)
{
	__u32 age = (tick - (flow->stamp >> 8)) & 0xffffff;

	return age > 0xfffff0 ? 0 : age;
}

BH_INLINE __u32 bh_flow_idle_seconds(__u8 protocol, __u32 state)
{
	switch (protocol) {
	case BH_TCP:
		if (state & BH_FLOW_RESET)
			return BH_IDLE_TCP_RESET;
		if ((state & BH_FLOW_FIN_LOCAL) && (state & BH_FLOW_FIN_PEER))
			return BH_IDLE_TCP_FINISHED;
		return state & BH_FLOW_ANSWERED ? BH_IDLE_TCP : BH_IDLE_TCP_UNANSWERED;
	case BH_UDP:
	case BH_NEXT_UDP_LITE:
		return state & BH_FLOW_ANSWERED ? BH_IDLE_UDP : BH_IDLE_UDP_UNANSWERED;
	case BH_ICMP:
	case BH_ICMPV6:
		return BH_IDLE_ICMP;
	case BH_SCTP:
		return state & BH_FLOW_ANSWERED ? BH_IDLE_SCTP : BH_IDLE_SCTP_UNANSWERED;
	default:
		return BH_IDLE_OTHER;
	}
}

BH_INLINE __u32 bh_flow_idle_ticks(__u32 ticks_per_second, __u8 protocol, __u32 state)
{
	return (bh_flow_idle_seconds(protocol, state) * ticks_per_second) >> BH_FLOW_TICK_SHIFT;
}

BH_INLINE int bh_flow_is_live(const struct bh_control *control, const struct bh_flow *flow, __u32 tick)
{
	return flow->check && bh_flow_age(flow, tick) <= bh_flow_idle_ticks(control->ticks_per_second, flow->protocol,
									    flow->stamp & 0xf);
}

BH_INLINE int bh_local_spoke_first(const struct bh_flow *flow)
{
	return (flow->who & BH_FLOW_LOCAL_FIRST) != 0;
}

/*
 * Does the entry still say who began? Of a TCP connection that a pod's peer began it does so beyond the end of the
 * connection, until it has to give way: that it ended, a RST or FIN says that nobody's sequence numbers vouch for,
 * and by its sockets alone a server whose listener is closed looks like a client.
 */
BH_INLINE int bh_flow_speaks(const struct bh_control *control, const struct bh_flow *flow, __u32 tick)
{
	__u32 state = flow->stamp & 0xf;

	if (flow->protocol == BH_TCP && !bh_local_spoke_first(flow))
		state &= BH_FLOW_ANSWERED;
	return flow->check &&
	       bh_flow_age(flow, tick) <= bh_flow_idle_ticks(control->ticks_per_second, flow->protocol, state);
}

BH_INLINE int bh_flow_matches(const struct bh_flow *flow, const struct bh_memory *memory)
{
	const struct bh_flow_key *key = &memory->key;

	return flow->local_port == key->local_port && flow->peer_port == key->peer_port &&
	       flow->protocol == key->protocol && flow->local == key->local &&
	       bh_same_address(&flow->peer, &key->peer) && flow->check == bh_flow_check(memory->hash, flow->who);
}

BH_INLINE void bh_fill_flow_key(struct bh_flow_key *key, const struct bh_pod *pod, const struct bh_packet *packet,
				int from_pod)
{
	const struct bh_addr *own = from_pod ? &packet->src : &packet->dst;

	key->peer = from_pod ? packet->dst : packet->src;
	key->local_port = from_pod ? packet->src_port : packet->dst_port;
	key->peer_port = from_pod ? packet->dst_port : packet->src_port;
	key->protocol = packet->protocol;
	if ((packet->protocol == BH_ICMP || packet->protocol == BH_ICMPV6) &&
	    !(packet->flags & (BH_ECHO_REQUEST | BH_ECHO_REPLY)))
		key->peer_port = 1; /* what has no identifier is no echo with identifier 0 */
	key->local =
		(__u8)(bh_address_index(pod, packet->family, own) | (packet->family == BH_IPV6 ? BH_FLOW_IPV6 : 0));
}

/*
 * The set in which the pod in `slot` remembers the conversation of `packet`, with memory->way naming
 * its live entry; 0 = this pod has no table. `from_pod`: the pod sent the packet, else it receives it.
 */
BH_INLINE struct bh_flow_set *bh_recall(struct bh_memory *memory, const struct bh_packet *packet, __u32 slot,
					int from_pod)
{
	const struct bh_control *control = bh_control_row();
	const struct bh_pod *pod = bh_pod_in(slot);
	struct bh_flow_set *set;
	void *table;
	__u32 index;

	if (!control || !pod || !pod->flow_sets)
		return 0;
	table = bpf_map_lookup_elem(&flows, &slot);
	if (!table)
		return 0;
	bh_fill_flow_key(&memory->key, pod, packet, from_pod);
	memory->hash = bh_flow_hash(&memory->key, pod->generation);
	memory->tick = bh_flow_now();
	memory->way = BH_FLOW_WAYS;
	index = (__u32)(memory->hash >> 32) & (pod->flow_sets - 1);
	set = bpf_map_lookup_elem(table, &index);
	if (!set)
		return 0;
	for (__u32 i = 0; i < BH_FLOW_WAYS; i++) {
		if (!bh_flow_matches(&set->way[i], memory))
			continue;
		if (bh_flow_speaks(control, &set->way[i], memory->tick))
			memory->way = i;
		break;
	}
	return set;
}

/* The live entry; 0 = there is none. */
BH_INLINE struct bh_flow *bh_recalled(struct bh_flow_set *set, const struct bh_memory *memory)
{
	__u32 way = memory->way;

	if (way >= BH_FLOW_WAYS)
		return 0;
	BH_KEEP(way); /* so that the verifier sees the bound where it is used */
	return &set->way[way & (BH_FLOW_WAYS - 1)];
}

/*
 * How many conversations of a set are with the tenant of `who`. Without branches, since the verifier would follow each
 * of them both ways.
 */
BH_INLINE __u32 bh_with_tenant(const struct bh_flow_set *set, __u32 who)
{
	__u32 count = 0;

	for (__u32 i = 0; i < BH_FLOW_WAYS; i++) {
		__u64 borrows = (__u64)((set->way[i].who ^ who) & BH_FLOW_TENANT_MASK) - 1;

		BH_KEEP(borrows);
		count += (__u32)(borrows >> 63);
	}
	return count;
}

/* Would one tenant have more than half of a full set, with the newcomer `who` among its conversations? */
BH_INLINE __u32 bh_is_crowd(const struct bh_flow_set *set, const struct bh_flow *flow, __u32 who)
{
	__u64 same = (__u64)((flow->who ^ who) & BH_FLOW_TENANT_MASK) - 1;
	__u64 fits;

	BH_KEEP(same);
	fits = (__u64)(BH_FLOW_WAYS / 2) - (bh_with_tenant(set, flow->who) + (same >> 63));
	BH_KEEP(fits);
	return (__u32)(fits >> 63);
}

/*
 * How readily a live entry gives way to one of `who`: the longer unseen the more, and before all that were answered
 * those that were not, so that a flood of beginnings can't push out the conversations of a pod. But first those with
 * a tenant that would have more than half of the set, whoever comes: whatever one tenant sends, or makes the pod
 * answer, half of the pod's memory is left to the others.
 */
BH_INLINE __u32 bh_flow_rank(const struct bh_flow_set *set, const struct bh_flow *flow, __u32 tick, __u32 who)
{
	return bh_flow_age(flow, tick) | (flow->stamp & BH_FLOW_ANSWERED ? 0 : 1u << 24) |
	       bh_is_crowd(set, flow, who) << 25;
}

#define BH_RANK_ENDED (1u << 26) /* before all that live; but an empty place comes first */

/* Names in memory->way the place for a new entry of `who`. */
BH_INLINE void bh_make_room(struct bh_flow_set *set, struct bh_memory *memory, __u32 who)
{
	const struct bh_control *control = bh_control_row();
	__u32 highest = 0;

	if (!control)
		return;
	for (__u32 i = 0; i < BH_FLOW_WAYS; i++) {
		memory->way = i;
		if (!bh_flow_speaks(control, &set->way[i], memory->tick))
			return;
	}
#pragma clang loop unroll(full) /* 5.10 refuses how the compiler arranges this loop */
	for (__u32 i = 0; i < BH_FLOW_WAYS; i++) {
		const struct bh_flow *flow = &set->way[i];
		__u32 rank = bh_flow_is_live(control, flow, memory->tick) ?
				     bh_flow_rank(set, flow, memory->tick, who) :
				     BH_RANK_ENDED;

		if (rank >= highest) {
			highest = rank;
			memory->way = i;
		}
	}
	if (highest < BH_RANK_ENDED)
		bh_count_statistic(BH_STAT_FLOWS_EVICTED);
}

/* Writes who spoke first, over the live entry if there is one. `peer_tenant`: 0 = unknown. */
BH_INLINE void bh_remember(struct bh_flow_set *set, struct bh_memory *memory, int local_first, __u32 peer_tenant)
{
	__u32 who = (peer_tenant & BH_FLOW_TENANT_MASK) | (local_first ? BH_FLOW_LOCAL_FIRST : 0);
	struct bh_flow *flow;

	if (bh_config.silent)
		return;
	if (memory->way >= BH_FLOW_WAYS)
		bh_make_room(set, memory, who);
	flow = bh_recalled(set, memory);
	if (!flow)
		return;
	flow->check = 0; /* a reader on another CPU sees none rather than half of each */
	flow->peer = memory->key.peer;
	flow->local_port = memory->key.local_port;
	flow->peer_port = memory->key.peer_port;
	flow->protocol = memory->key.protocol;
	flow->local = memory->key.local;
	flow->who = who;
	flow->stamp = memory->tick << 8;
	flow->check = bh_flow_check(memory->hash, who);
	bh_count_statistic(BH_STAT_FLOWS_WRITTEN);
}

/* Has this TCP connection ended, as far as both sides' words go? */
BH_INLINE int bh_flow_is_over(const struct bh_flow *flow)
{
	const __u32 fins = BH_FLOW_FIN_LOCAL | BH_FLOW_FIN_PEER;

	return flow->stamp & BH_FLOW_RESET || (flow->stamp & fins) == fins;
}

/* A refused packet of the side that spoke first: the entry must last as long as that side tries, or the
 * other's answers would look like a beginning one day. What it says of the connection does not count. */
BH_INLINE void bh_keep_alive(struct bh_flow *flow, __u32 tick)
{
	if (!bh_config.silent)
		flow->stamp = tick << 8 | (flow->stamp & 0xf);
}

/* The entry's state after a TCP packet with these flags, sent by the pod itself or by its peer. */
BH_INLINE __u32 bh_flow_tcp_state(__u32 state, __u8 tcp_flags, int from_pod)
{
	if (tcp_flags & BH_TCP_RST)
		state |= BH_FLOW_RESET;
	if (tcp_flags & BH_TCP_FIN)
		state |= from_pod ? BH_FLOW_FIN_LOCAL : BH_FLOW_FIN_PEER;
	return state;
}

/* When a packet from the side that did not speak first counts as life, and what is left of its credit. */
BH_INLINE __u32 bh_stamp_of_answer(const struct bh_flow *flow, __u32 tick, __u32 idle)
{
	__u32 seen = flow->stamp >> 8;
	__u32 credit = (flow->stamp >> BH_FLOW_CREDIT_SHIFT) & BH_FLOW_CREDIT_MAX;

	if (!(flow->stamp & BH_FLOW_ANSWERED))
		return tick << 8;
	if (bh_flow_age(flow, tick) * 2 < idle || credit == BH_FLOW_CREDIT_MAX)
		return seen << 8 | credit << BH_FLOW_CREDIT_SHIFT;
	return tick << 8 | (credit + 1) << BH_FLOW_CREDIT_SHIFT;
}

/* A further packet of a remembered conversation keeps it alive. */
BH_INLINE void bh_refresh(struct bh_flow *flow, __u32 tick, const struct bh_packet *packet, int from_pod)
{
	const struct bh_control *control = bh_control_row();
	int answers = bh_local_spoke_first(flow) != from_pod;
	__u32 state = flow->stamp & 0xf;
	__u32 stamp = tick << 8;

	if (!control || bh_config.silent)
		return;
	if (answers) {
		stamp = bh_stamp_of_answer(flow, tick,
					   bh_flow_idle_ticks(control->ticks_per_second, flow->protocol, state));
		state |= BH_FLOW_ANSWERED;
	}
	if (packet->protocol == BH_TCP)
		state = bh_flow_tcp_state(state, packet->tcp_flags, from_pod);
	stamp |= state;
	if (flow->stamp != stamp)
		flow->stamp = stamp;
}

#endif
