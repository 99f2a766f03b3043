/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines 6 to 8, a resource's open ports and allowTo: the look-ups behind bh_question.openings. */
#ifndef BULKHEAD_BPF_OPENINGS_H
#define BULKHEAD_BPF_OPENINGS_H

#include "hook.h"

#define BH_ASK_HAS_PORT (1u << 24)

/* What of a packet an opening is compared with, in one number: port (host order), protocol (BH_ICMP also
 * for ICMPv6) << 16, BH_ASK_HAS_PORT. `port` is in network order. */
BH_INLINE __u32 bh_ask_about(const struct bh_packet *packet, __u16 port)
{
	__u32 protocol = packet->protocol == BH_ICMPV6 ? BH_ICMP : packet->protocol;

	return BH_NET16(port) | protocol << 16 | (packet->flags & BH_HAS_PORTS ? BH_ASK_HAS_PORT : 0);
}

BH_INLINE int bh_row_holds(const struct bh_opening *row, __u32 ask, __u64 now)
{
	__u16 port = (__u16)ask;

	if (row->protocol != BH_ANY_PROTOCOL && row->protocol != ((ask >> 16) & 0xff))
		return 0;
	if (row->until && (__s64)(now - row->until) >= 0)
		return 0;
	if (row->first_port == 0 && row->last_port == 65535)
		return 1;
	return (ask & BH_ASK_HAS_PORT) && port >= row->first_port && port <= row->last_port;
}

/*
 * The lines (bit BH_REASON_x) that hold between one pair; with `origin_of`, instead the object behind
 * the first row of that line.
 */
__attribute__((noinline)) int bh_scan_openings(__u32 dst, __u32 src, __u32 ask, __u32 origin_of)
{
	struct bh_opening_key key = { .dst = dst, .src = src };
	__u64 now = bpf_jiffies64();
	__u32 lines = 0;

	for (__u32 part = 0; part < BH_OPENING_PARTS; part++) {
		const struct bh_openings *block;

		key.part = part;
		block = bpf_map_lookup_elem(&openings, &key);
		if (!block)
			break;
		for (__u32 i = 0; i < BH_OPENINGS_PER_BLOCK && i < block->count; i++) {
			const struct bh_opening *row = &block->row[i];

			if (!bh_row_holds(row, ask, now))
				continue;
			if (origin_of == row->line)
				return (int)row->origin;
			lines |= 1u << (row->line & 31);
		}
		if (!block->more)
			break;
	}
	return origin_of == BH_REASON_COUNT ? (int)lines : 0;
}

BH_INLINE __u32 bh_lines_between(__u32 dst, __u32 src, __u32 ask)
{
	return (__u32)bh_scan_openings(dst, src, ask, BH_REASON_COUNT);
}

/*
 * q->openings for identities `src` and `dst`: at most three pairs, each up to BH_OPENING_PARTS blocks long,
 * and only those that can find.
 */
BH_INLINE __u32 bh_look_up_openings(const struct bh_question *q, __u32 src, __u32 dst, __u32 ask)
{
	__u32 lines = 0;

	if (q->dst.flags & BH_ASK_TO)
		lines |= bh_lines_between(dst, BH_IDENTITY_ANY, ask);
	if ((q->dst.flags & BH_ASK_TO_FROM) || (q->src.flags & BH_ASK_FROM_TO))
		lines |= bh_lines_between(dst, src, ask);
	if (q->src.flags & BH_ASK_FROM)
		lines |= bh_lines_between(BH_IDENTITY_ANY, src, ask);
	return lines;
}

/* The object that opened the deciding line; looked up again, only for those who want to know. */
BH_INLINE __u32 bh_opening_origin(const struct bh_hook *hook, enum bh_reason reason)
{
	__u32 origin;

	if (!hook->opening_dst)
		return 0;
	origin = (__u32)bh_scan_openings(hook->opening_dst, BH_IDENTITY_ANY, hook->opening_ask, reason);
	if (!origin)
		origin = (__u32)bh_scan_openings(hook->opening_dst, hook->opening_src, hook->opening_ask, reason);
	if (!origin)
		origin = (__u32)bh_scan_openings(BH_IDENTITY_ANY, hook->opening_src, hook->opening_ask, reason);
	return origin;
}

#endif
