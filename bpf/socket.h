/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second memory: the pod's own TCP sockets. Where the flow table knows nothing (evicted, or the
 * connection is older than us), the kernel itself tells a client from a server.
 */
#ifndef BULKHEAD_BPF_SOCKET_H
#define BULKHEAD_BPF_SOCKET_H

#include "hook.h"

/* The packet's 4-tuple as one that arrives at the pod. */
BH_INLINE __u32 bh_socket_tuple(struct bpf_sock_tuple *tuple, const struct bh_packet *packet, int from_pod)
{
	const struct bh_addr *peer = from_pod ? &packet->dst : &packet->src;
	const struct bh_addr *own = from_pod ? &packet->src : &packet->dst;
	__u16 peer_port = from_pod ? packet->dst_port : packet->src_port;
	__u16 own_port = from_pod ? packet->src_port : packet->dst_port;

	if (packet->family == BH_IPV4) {
		tuple->ipv4.saddr = peer->word[0];
		tuple->ipv4.daddr = own->word[0];
		tuple->ipv4.sport = peer_port;
		tuple->ipv4.dport = own_port;
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, peer, sizeof(*peer));
	__builtin_memcpy(tuple->ipv6.daddr, own, sizeof(*own));
	tuple->ipv6.sport = peer_port;
	tuple->ipv6.dport = own_port;
	return sizeof(tuple->ipv6);
}

/* Is there a socket for this tuple, and does it listen? 0 = none, 1 = a connection, 2 = a listener. */
BH_INLINE int bh_socket_kind(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 size, __u32 nsid)
{
	struct bpf_sock *socket = bpf_skc_lookup_tcp(skb, tuple, size, nsid, 0);
	int kind;

	if (!socket)
		return 0;
	kind = socket->state == BPF_TCP_LISTEN ? 2 : 1;
	bpf_sk_release(socket);
	return kind;
}

/*
 * Who began this connection by the pod's own sockets: 1 = the pod (it has the connection and listens not on that
 * port), 0 = its peer, -1 = nobody knows. That its peer began, a pod could make them say by a listener of its own on
 * the port that it spoke from: so that is believed only of pods that were there before the flow memory, which can
 * have connections that it never saw.
 */
BH_INLINE int bh_socket_spoke_first(struct __sk_buff *skb, const struct bh_packet *packet, const struct bh_pod *pod,
				    int from_pod)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size;

	if (!pod || pod->nsid < 0 || packet->protocol != BH_TCP)
		return -1;
	size = bh_socket_tuple(&tuple, packet, from_pod);
	if (bh_socket_kind(skb, &tuple, size, (__u32)pod->nsid) != 1)
		return -1;
	/* No peer has port 0: what is found now can only be a listener. */
	if (packet->family == BH_IPV4)
		tuple.ipv4.sport = 0;
	else
		tuple.ipv6.sport = 0;
	if (bh_socket_kind(skb, &tuple, size, (__u32)pod->nsid) == 0)
		return 1;
	return pod->flags & BH_POD_OLDER ? 0 : -1;
}

#endif
