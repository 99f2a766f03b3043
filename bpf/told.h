/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Of what is refused the first packet is told at once; further ones of that conversation are counted, and told
 * together once in bh_config.repeat_seconds: with the next packet, or by bh_tell_rest when there is none.
 *
 * The rows are all pods', so in each set what was told completely gives way first, then what was told longest ago; what
 * stood there untold is told in passing. Where more comes than may be told (a storm: this CPU's share of the second is
 * used up, or half of the ring is full), packets are counted by less than their conversation, so that one flood is one
 * row. So all refused packets are told, are still in a row, or are counted in BH_STAT_REFUSED_UNTOLD, and then summed
 * in `untold`.
 */
#ifndef BULKHEAD_BPF_TOLD_H
#define BULKHEAD_BPF_TOLD_H

#include "event.h"
#include "hash.h"

/* Half of the ring is left to conversations that pass. */
BH_INLINE int bh_ring_has_room(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) * 2 < bpf_ringbuf_query(&events, BPF_RB_RING_SIZE);
}

/* In a storm: without what each packet of a flood has for itself, the sender's port, the echo's identifier or the
 * address that was forged. */
BH_INLINE void bh_merge(struct bh_event *event)
{
	if (event->protocol == BH_ICMP || event->protocol == BH_ICMPV6)
		event->dst_port = 0;
	else
		event->src_port = 0;
	if (event->reason == BH_REASON_SPOOFED)
		__builtin_memset(&event->src, 0, sizeof(event->src));
	bh_add_statistic(BH_STAT_REFUSED_MERGED, event->packets);
}

BH_INLINE __u64 bh_told_hash(const struct bh_event *event)
{
	__u64 hash = bh_mix_address(bh_config.flow_seed, &event->src);

	hash = bh_mix_address(hash, &event->dst);
	hash = bh_mix(hash, (__u64)event->src_port << 48 | (__u64)event->dst_port << 32 |
				    (__u32)event->protocol << 16 | event->slot);
	return bh_mix(hash, (__u64)event->ifindex << 32 | (__u32)event->family << 16 | (__u32)event->direction << 8 |
				    event->reason);
}

BH_INLINE struct bh_told_set *bh_told_set_of(__u64 hash)
{
	__u32 index = (__u32)(hash >> 32) & (BH_TOLD_SETS - 1);

	return bpf_map_lookup_elem(&told, &index);
}

BH_INLINE int bh_is_same_flow(const struct bh_event *a, const struct bh_event *b)
{
	return ((a->src.word[0] ^ b->src.word[0]) | (a->src.word[1] ^ b->src.word[1]) |
		(a->src.word[2] ^ b->src.word[2]) | (a->src.word[3] ^ b->src.word[3]) |
		(a->dst.word[0] ^ b->dst.word[0]) | (a->dst.word[1] ^ b->dst.word[1]) |
		(a->dst.word[2] ^ b->dst.word[2]) | (a->dst.word[3] ^ b->dst.word[3]) |
		(__u32)(a->src_port ^ b->src_port) | (__u32)(a->dst_port ^ b->dst_port) |
		(__u32)(a->family ^ b->family) | (__u32)(a->protocol ^ b->protocol) |
		(__u32)(a->direction ^ b->direction) | (__u32)(a->reason ^ b->reason) | (__u32)(a->slot ^ b->slot) |
		(a->ifindex ^ b->ifindex)) == 0;
}

#define BH_RANK_SAME (1ull << 63) /* but for a coincidence */
#define BH_RANK_TOLD (1ull << 62) /* nothing is lost with it */

/* How much a row is the one for this event: its own, else the one that gives way. */
BH_INLINE __u64 bh_told_rank(const struct bh_told *row, __u64 hash, __u64 now)
{
	if (row->hash == hash)
		return BH_RANK_SAME;
	return (now - row->told) | (row->event.packets ? 0 : BH_RANK_TOLD);
}

BH_INLINE __u32 bh_told_way(const struct bh_told_set *set, __u64 hash, __u64 now)
{
	__u64 highest = 0;
	__u32 way = 0;

#pragma clang loop unroll(full) /* as in bh_make_room() */
	for (__u32 i = 0; i < BH_TOLD_WAYS; i++) {
		__u64 rank = bh_told_rank(&set->way[i], hash, now);

		if (rank >= highest) {
			highest = rank;
			way = i;
		}
	}
	BH_KEEP(way); /* so that the verifier sees the bound where it is used */
	return way & (BH_TOLD_WAYS - 1);
}

/* More of what a row counts. */
BH_INLINE void bh_add_to(struct bh_event *sum, const struct bh_event *event)
{
	if (!sum->packets)
		sum->first = event->time;
	sum->time = event->time;
	sum->length = event->length;
	sum->src_identity = event->src_identity;
	sum->dst_identity = event->dst_identity;
	sum->origin = event->origin;
	sum->packets += event->packets;
	sum->bytes += event->bytes;
}

/* Takes out of a row what it has to tell. */
BH_INLINE void bh_take(struct bh_told *row, struct bh_event *out, __u64 now)
{
	*out = row->event;
	row->event.packets = 0;
	row->event.bytes = 0;
	row->told = now;
}

/* Puts hook->event into its row, and has in its place what is to be told now; in hook->displaced what stood there
 * before. packets = 0: nothing. */
BH_INLINE void bh_count_refused(struct bh_told_set *set, struct bh_hook *hook, __u64 hash, __u64 interval, int calm)
{
	struct bh_event *event = &hook->event;
	__u64 now = bpf_jiffies64();
	struct bh_told *row;

	hook->displaced.packets = 0;
	bpf_spin_lock(&set->lock);
	row = &set->way[bh_told_way(set, hash, now)];
	if (bh_is_same_flow(&row->event, event)) {
		bh_add_to(&row->event, event);
	} else {
		hook->displaced = row->event;
		row->event = *event;
		row->hash = hash;
		row->told = now - interval;
	}
	event->packets = 0;
	if (calm && now - row->told >= interval)
		bh_take(row, event, now);
	bpf_spin_unlock(&set->lock);
}

/* 0 = it, or nothing, was to be told, and is. */
BH_INLINE int bh_send_refused(const struct bh_event *event, __u32 *used)
{
	if (!event->packets)
		return 0;
	if (!used || bpf_ringbuf_output(&events, (void *)event, sizeof(*event), 0)) {
		bh_add_statistic(BH_STAT_REFUSED_UNTOLD, event->packets);
		return 1;
	}
	(*used)++;
	bh_count_statistic(BH_STAT_EVENTS);
	return 0;
}

BH_INLINE void bh_send_or_note(struct bh_hook *hook, const struct bh_event *event, __u32 *used)
{
	if (!bh_send_refused(event, used))
		return;
	hook->untold = *event;
	bh_note_untold();
}

BH_INLINE __u64 bh_repeat_ticks(const struct bh_control *control)
{
	return (__u64)bh_config.repeat_seconds * control->ticks_per_second;
}

/* The packet that hook->event describes is refused, or would be. */
__attribute__((noinline)) int bh_tell_refused(void)
{
	const struct bh_control *control = bh_control_row();
	struct bh_hook *hook = bh_here();
	struct bh_told_set *set;
	__u32 *used;
	__u64 hash;

	if (!control || !hook)
		return 0;
	used = bh_share_left(control, BH_SHARE_REFUSED);
	if (used && !bh_ring_has_room())
		used = 0;
	if (!used)
		bh_merge(&hook->event);
	hash = bh_told_hash(&hook->event);
	set = bh_told_set_of(hash);
	if (!set)
		return 0;
	bh_count_refused(set, hook, hash, bh_repeat_ticks(control), used != 0);
	bh_send_or_note(hook, &hook->displaced, used);
	bh_send_or_note(hook, &hook->event, used);
	return 0;
}

/* Tells what is due in one set. Not from the hook's room: packets may interrupt this. */
__attribute__((noinline)) int bh_tell_rest_of(__u32 index)
{
	const struct bh_control *control = bh_control_row();
	struct bh_told_set *set = bpf_map_lookup_elem(&told, &index);
	struct bh_event event;
	__u64 now = bpf_jiffies64();
	__u32 used = 0;

	if (!control || !set)
		return 0;
	for (__u32 i = 0; i < BH_TOLD_WAYS; i++) {
		struct bh_told *row = &set->way[i];

		if (!row->event.packets || now - row->told < bh_repeat_ticks(control) || !bh_ring_has_room())
			continue;
		bpf_spin_lock(&set->lock);
		bh_take(row, &event, now);
		bpf_spin_unlock(&set->lock);
		bh_send_refused(&event, &used);
	}
	return 0;
}

#endif
