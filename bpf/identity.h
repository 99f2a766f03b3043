/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is behind an address, and behind a device: the look-ups that fill a bh_question. */
#ifndef BULKHEAD_BPF_IDENTITY_H
#define BULKHEAD_BPF_IDENTITY_H

#include "hook.h"

/* What the maps say of one address. */
struct bh_who {
	__u32 identity;
	__u16 slot; /* of a pod on this node, else 0 */
	__u16 flags; /* enum bh_endpoint_flag */
};

BH_INLINE __u32 bh_identity_by_prefix4(const struct bh_control *control, __u32 address)
{
	struct bh_prefix4 key = { .length = 32, .address = address };
	__u32 first16 = BH_NET16(address & 0xffff);
	const __u32 *found;

	if (!bh_bit(control->prefix4, first16))
		return BH_IDENTITY_WORLD;
	found = bpf_map_lookup_elem(&prefixes4, &key);
	return found ? *found : BH_IDENTITY_WORLD;
}

BH_INLINE __u32 bh_identity_by_prefix6(const struct bh_control *control, const struct bh_addr *address)
{
	struct bh_prefix6 key = { .length = 128, .address = *address };
	const __u32 *found;

	if (!bh_bit(control->prefix6, bh_fold6(address)))
		return BH_IDENTITY_WORLD;
	found = bpf_map_lookup_elem(&prefixes6, &key);
	return found ? *found : BH_IDENTITY_WORLD;
}

BH_INLINE struct bh_who bh_who_is(const struct bh_control *control, __u8 family, const struct bh_addr *address)
{
	const struct bh_endpoint *endpoint;
	struct bh_who who = {};

	endpoint = family == BH_IPV4 ? bpf_map_lookup_elem(&endpoints4, &address->word[0]) :
				       bpf_map_lookup_elem(&endpoints6, address);
	if (endpoint) {
		who.identity = endpoint->identity;
		who.slot = endpoint->slot;
		who.flags = endpoint->flags;
		return who;
	}
	who.identity = family == BH_IPV4 ? bh_identity_by_prefix4(control, address->word[0]) :
					   bh_identity_by_prefix6(control, address);
	return who;
}

BH_INLINE void bh_identity_row(__u32 id, struct bh_identity *out)
{
	const struct bh_identity *identity = bpf_map_lookup_elem(&identities, &id);

	out->tenant = identity ? identity->tenant : 0;
	out->flags = identity ? identity->flags : 0;
}

BH_INLINE __u32 bh_tenant_of(__u32 id)
{
	const struct bh_identity *identity = bpf_map_lookup_elem(&identities, &id);

	return identity && id ? identity->tenant : 0;
}

BH_INLINE __u32 bh_flags_of(__u32 id)
{
	const struct bh_identity *identity = bpf_map_lookup_elem(&identities, &id);

	return identity ? identity->flags : 0;
}

BH_INLINE int bh_owns_interface(const struct bh_pod *pod, __u32 ifindex)
{
	for (int i = 0; i < BH_POD_INTERFACES; i++)
		if (pod->ifindex[i] == ifindex)
			return 1;
	return 0;
}

/*
 * The slot of the pod that sent this packet from this node, told by the device it came from and never by
 * its address; 0 = it came from elsewhere. `claimed` is the slot that the source address names: right in
 * all but a few packets, and then no third hash look-up is needed.
 */
BH_INLINE __u32 bh_local_sender(const struct bh_control *control, __u32 ingress_ifindex, __u32 claimed)
{
	const struct bh_pod *pod;

	if (ingress_ifindex == 0)
		return 0;
	pod = claimed ? bh_pod_in(claimed) : 0;
	if (pod && bh_owns_interface(pod, ingress_ifindex))
		return claimed;
	return bh_bit(control->guarded, ingress_ifindex) ? bh_slot_of_interface(ingress_ifindex) : 0;
}

BH_INLINE int bh_is_unspecified(const struct bh_addr *address)
{
	return (address->word[0] | address->word[1] | address->word[2] | address->word[3]) == 0;
}

BH_INLINE int bh_same_address(const struct bh_addr *a, const struct bh_addr *b)
{
	return ((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
		(a->word[3] ^ b->word[3])) == 0;
}

/* Index of an address among the pod's own of that family; BH_POD_ADDRESSES = it is none of them. */
BH_INLINE __u32 bh_address_index(const struct bh_pod *pod, __u8 family, const struct bh_addr *address)
{
	if (bh_is_unspecified(address))
		return BH_POD_ADDRESSES;
	if (family == BH_IPV4) {
		for (__u32 i = 0; i < BH_POD_ADDRESSES; i++)
			if (pod->addr4[i] == address->word[0])
				return i;
		return BH_POD_ADDRESSES;
	}
	for (__u32 i = 0; i < BH_POD_ADDRESSES; i++)
		if (bh_same_address(&pod->addr6[i], address))
			return i;
	return BH_POD_ADDRESSES;
}

BH_INLINE int bh_is_link_local(__u8 family, const struct bh_addr *address)
{
	const __u8 *byte = (const __u8 *)address;

	if (family == BH_IPV4)
		return byte[0] == 169 && byte[1] == 254;
	return byte[0] == 0xfe && (byte[1] & 0xc0) == 0x80;
}

BH_INLINE int bh_is_loopback(__u8 family, const struct bh_addr *address)
{
	if (family == BH_IPV4)
		return *(const __u8 *)address == 127;
	return (address->word[0] | address->word[1] | address->word[2]) == 0 &&
	       address->word[3] == (BH_NET16(1) == 1 ? 1u : 1u << 24);
}

BH_INLINE int bh_is_multicast(__u8 family, const struct bh_addr *address)
{
	const __u8 *byte = (const __u8 *)address;

	return family == BH_IPV4 ? (byte[0] & 0xf0) == 0xe0 : byte[0] == 0xff;
}

/*
 * Does a packet of a pod to this address end on this node? Nobody forwards these, but for IPv4's
 * link-local ones, some of which (instance metadata) lie beyond the uplink.
 */
BH_INLINE int bh_ends_here(__u8 family, const struct bh_addr *dst)
{
	if (bh_is_multicast(family, dst) || bh_is_loopback(family, dst))
		return 1;
	return family == BH_IPV4 ? dst->word[0] == 0xffffffff : bh_is_link_local(family, dst);
}

/*
 * May this pod send from that address? Its own; and for neighbour discovery and MLD, which no router
 * forwards, an IPv6 link-local or unspecified one towards link-local and multicast addresses.
 */
BH_INLINE int bh_source_is_own(const struct bh_pod *pod, const struct bh_packet *packet)
{
	if (pod->flags & BH_POD_ANY_SOURCE)
		return 1;
	if (bh_address_index(pod, packet->family, &packet->src) != BH_POD_ADDRESSES)
		return 1;
	if (packet->family != BH_IPV6)
		return 0;
	if (bh_is_unspecified(&packet->src))
		return bh_is_multicast(BH_IPV6, &packet->dst);
	return bh_is_link_local(BH_IPV6, &packet->src) &&
	       (bh_is_link_local(BH_IPV6, &packet->dst) || bh_is_multicast(BH_IPV6, &packet->dst));
}

#endif
