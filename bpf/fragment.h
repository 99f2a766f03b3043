/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Only a first fragment carries a transport header; it leaves a note for the rest of its packet. */
#ifndef BULKHEAD_BPF_FRAGMENT_H
#define BULKHEAD_BPF_FRAGMENT_H

#include "hook.h"

BH_INLINE int bh_is_fragment(const struct bh_hook *hook)
{
	return hook->parsed == BH_PARSED && hook->packet.flags & (BH_FIRST_FRAGMENT | BH_LATER_FRAGMENT);
}

BH_INLINE void bh_follow_fragments(struct bh_hook *hook)
{
	struct bh_packet *packet = &hook->packet;
	struct bh_fragment_key key = {
		.src = packet->src,
		.dst = packet->dst,
		.id = packet->fragment_id,
		.ifindex = hook->ifindex,
		.protocol = packet->family == BH_IPV4 ? packet->protocol : 0,
		.family = packet->family,
		.direction = hook->direction,
	};
	struct bh_fragment note = {
		.src_port = packet->src_port,
		.dst_port = packet->dst_port,
		.flags = packet->flags & (BH_HAS_PORTS | BH_ECHO_REQUEST | BH_ECHO_REPLY),
		.protocol = packet->protocol,
	};
	const struct bh_fragment *found;

	if (!(packet->flags & BH_LATER_FRAGMENT)) {
		if (!(packet->flags & (BH_ICMP_ERROR | BH_NEIGHBOR | BH_ROUTER_ICMP)) && !bh_config.silent)
			bpf_map_update_elem(&fragments, &key, &note, BPF_ANY);
		return;
	}
	found = bpf_map_lookup_elem(&fragments, &key);
	if (!found)
		return;
	packet->src_port = found->src_port;
	packet->dst_port = found->dst_port;
	packet->protocol = found->protocol;
	packet->flags = found->flags;
}

#endif
