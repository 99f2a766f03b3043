/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ARP (RFC 826) from a pod: in its own name too, or it could fill the node's table of neighbours with names. */
#ifndef BULKHEAD_BPF_ARP_H
#define BULKHEAD_BPF_ARP_H

#include "identity.h"

#define BH_ARP_SENDER 28 /* its IPv4 address, from the Ethernet header on */

BH_INLINE int bh_has_address4(const struct bh_pod *pod)
{
	__u32 any = 0;

	for (int i = 0; i < BH_POD_ADDRESSES; i++)
		any |= pod->addr4[i];
	return any != 0;
}

/*
 * Does the pod in hook->slot ask or answer as itself, or as nobody yet (RFC 5227)? Who has no address yet is not
 * judged: what was lost now would be asked for again after a second only. What is no ARP for IPv4 over Ethernet the
 * kernel throws away.
 */
BH_INLINE int bh_arp_is_own(struct __sk_buff *skb, const struct bh_hook *hook)
{
	const struct bh_pod *pod = bh_pod_in(hook->slot);
	struct bh_addr sender = {};

	if (!pod || pod->flags & BH_POD_ANY_SOURCE || !bh_has_address4(pod))
		return 1;
	if (bpf_skb_load_bytes(skb, BH_ARP_SENDER, &sender.word[0], sizeof(sender.word[0])))
		return 1;
	return bh_is_unspecified(&sender) || bh_address_index(pod, BH_IPV4, &sender) != BH_POD_ADDRESSES;
}

#endif
