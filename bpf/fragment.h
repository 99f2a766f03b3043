/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Only a first fragment carries a transport header; it leaves a note for the rest of its packet. But only where it
 * passed, and passed because of that header: else the rest is judged alike without.
 */
#ifndef BULKHEAD_BPF_FRAGMENT_H
#define BULKHEAD_BPF_FRAGMENT_H

#include "hook.h"

BH_INLINE struct bh_fragment_key bh_fragment_key_of(const struct bh_hook *hook)
{
	const struct bh_packet *packet = &hook->packet;
	struct bh_fragment_key key = {
		.src = packet->src,
		.dst = packet->dst,
		.id = packet->fragment_id,
		.ifindex = hook->ifindex,
		.protocol = packet->family == BH_IPV4 ? packet->protocol : 0,
		.family = packet->family,
		.direction = hook->direction,
	};

	return key;
}

/* A later fragment gets the ports of its first. */
BH_INLINE void bh_read_note(struct bh_hook *hook)
{
	struct bh_packet *packet = &hook->packet;
	struct bh_fragment_key key;
	const struct bh_fragment *found;

	if (hook->parsed != BH_PARSED || !(packet->flags & BH_LATER_FRAGMENT))
		return;
	key = bh_fragment_key_of(hook);
	found = bpf_map_lookup_elem(&fragments, &key);
	if (!found)
		return;
	packet->src_port = found->src_port;
	packet->dst_port = found->dst_port;
	packet->protocol = found->protocol;
	packet->flags = found->flags;
}

BH_INLINE void bh_leave_note(const struct bh_hook *hook)
{
	const struct bh_packet *packet = &hook->packet;
	struct bh_fragment_key key;
	struct bh_fragment note = {
		.src_port = packet->src_port,
		.dst_port = packet->dst_port,
		.flags = packet->flags & (BH_HAS_PORTS | BH_ECHO_REQUEST | BH_ECHO_REPLY),
		.protocol = packet->protocol,
	};

	if (hook->parsed != BH_PARSED || !(packet->flags & BH_FIRST_FRAGMENT) ||
	    packet->flags & (BH_LATER_FRAGMENT | BH_ICMP_ERROR | BH_NEIGHBOR | BH_ROUTER_ICMP) || bh_config.silent)
		return;
	key = bh_fragment_key_of(hook);
	bpf_map_update_elem(&fragments, &key, &note, BPF_ANY);
}

#endif
