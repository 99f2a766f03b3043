/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A checksum that is still to be written (CHECKSUM_PARTIAL, include/linux/skbuff.h): a device does that, or the kernel
 * behind all of our hooks where the device can't. Where it is written, the sender says; and who sends raw frames
 * (PACKET_VNET_HDR) may say anything: so a pod could have an address or a port rewritten after it was judged.
 */
#ifndef BULKHEAD_BPF_CHECKSUM_H
#define BULKHEAD_BPF_CHECKSUM_H

#include "hook.h"

#define BH_CHECKSUM_PARTIAL 3
#define BH_ETHERNET_HEADER 14

struct bh_checksum_place {
	__u16 start; /* from the head of the buffer */
	__u16 offset; /* from there */
};

BH_INLINE const void *bh_in_kernel(const struct __sk_buff *skb, __u16 offset)
{
	return (const void *)skb + offset; /* what a program is given as its context is the kernel's sk_buff */
}

BH_INLINE int bh_has_unfinished_checksum(const struct __sk_buff *skb)
{
	__u8 summed = 0;

	if (!bh_config.skb.known)
		return 0;
	bpf_probe_read_kernel(&summed, sizeof(summed), bh_in_kernel(skb, bh_config.skb.ip_summed));
	return ((summed >> bh_config.skb.ip_summed_shift) & 3) == BH_CHECKSUM_PARTIAL;
}

/* Where it will be written, in bytes from the IP header on. */
BH_INLINE __s32 bh_unfinished_checksum(const struct __sk_buff *skb)
{
	struct bh_checksum_place place = {};
	__u16 network = 0;

	bpf_probe_read_kernel(&place, sizeof(place), bh_in_kernel(skb, bh_config.skb.checksum_start));
	bpf_probe_read_kernel(&network, sizeof(network), bh_in_kernel(skb, bh_config.skb.network_header));
	return (__s32)place.start + place.offset - network;
}

/*
 * May a checksum be written `at` bytes into the transport header? Where that has its own, or behind all that was
 * judged: a tunnel's checksum is further in.
 */
BH_INLINE int bh_has_checksum_at(const struct bh_packet *packet, __s32 at)
{
	if (packet->flags & BH_LATER_FRAGMENT)
		return at >= 0;
	switch (packet->protocol) {
	case BH_TCP:
		return at == 16 || at >= 20;
	case BH_UDP:
	case BH_NEXT_UDP_LITE:
		return at == 6 || at >= 8;
	case BH_SCTP:
		return at == 8 || at >= 16;
	case BH_NEXT_DCCP:
		return at == 6 || at >= 16;
	case BH_ICMP:
	case BH_ICMPV6:
		return at == 2; /* an error is judged by what it quotes */
	default:
		return at >= 0; /* judged by its addresses alone */
	}
}

/* Would a checksum be written over what the packet is judged by? */
BH_INLINE int bh_rewrites_itself(const struct __sk_buff *skb, const struct bh_hook *hook)
{
	__s32 at;

	if (!bh_has_unfinished_checksum(skb))
		return 0;
	at = bh_unfinished_checksum(skb);
	if (hook->parsed != BH_PARSED) /* judged by its addresses, and falls where that is not enough */
		return at < (hook->packet.family == BH_IPV4 ? 20 : 40);
	return !bh_has_checksum_at(&hook->packet, at + BH_ETHERNET_HEADER - hook->packet.transport);
}

#endif
