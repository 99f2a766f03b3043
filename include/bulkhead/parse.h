/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From bytes to the few facts that the rule and the flow memory need. One function per header, each:
 * check, read, advance. Never reads past `end`, believes no length that the bytes don't bear out, and
 * never guesses: what it can't tell, it says.
 *
 * The same code runs in the kernel programs and under the tests' and fuzzers' sanitizers.
 */
#ifndef BULKHEAD_PARSE_H
#define BULKHEAD_PARSE_H

#include "bulkhead/abi.h"

#define BH_INLINE static inline __attribute__((always_inline, unused))

/* Ethertypes and ports are compared as they lie in memory. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BH_NET16(x) ((__u16)((((x) & 0xff) << 8) | (((x) >> 8) & 0xff)))
#else
#define BH_NET16(x) ((__u16)(x))
#endif

#define BH_ETHERTYPE_IPV4 BH_NET16(0x0800)
#define BH_ETHERTYPE_ARP BH_NET16(0x0806)
#define BH_ETHERTYPE_IPV6 BH_NET16(0x86dd)

/* How many IPv6 extension headers are followed (RFC 8200 names six kinds). */
#define BH_MAX_EXTENSIONS 8

/* Bytes from the Ethernet header on within which all headers must lie. */
#define BH_MAX_HEADERS 512

enum bh_parse_result {
	BH_PARSED = 0,
	BH_PARSE_SHORT, /* the bytes ended; there may be more in the packet than lie here */
	BH_PARSE_MALFORMED,
	BH_PARSE_EXTENSIONS, /* too many extension headers */
	BH_PARSE_ARP,
	BH_PARSE_OTHER, /* another ethertype */
};

enum bh_packet_flag {
	BH_HAS_PORTS = 1 << 0,
	BH_FIRST_FRAGMENT = 1 << 1,
	BH_LATER_FRAGMENT = 1 << 2, /* no transport header in it */
	BH_ECHO_REQUEST = 1 << 3,
	BH_ECHO_REPLY = 1 << 4,
	BH_ICMP_ERROR = 1 << 5,
	BH_NEIGHBOR = 1 << 6, /* IPv6 neighbour discovery, MLD and router solicitation */
	BH_ROUTER_ICMP = 1 << 7, /* redirect, router advertisement */
	BH_QUOTED = 1 << 8, /* set by the caller: this is what an ICMP error quotes, cut after 8 bytes of transport */
	BH_SCTP_INIT = 1 << 9, /* begins an association */
};

enum bh_tcp_flag { BH_TCP_FIN = 1, BH_TCP_SYN = 2, BH_TCP_RST = 4, BH_TCP_ACK = 16 };

struct bh_packet {
	struct bh_addr src; /* network */
	struct bh_addr dst; /* network */
	__u16 src_port; /* network; ICMP echo: identifier */
	__u16 dst_port; /* network; ICMP echo: identifier */
	__u8 family; /* enum bh_family; 0 until an IP header was read */
	__u8 protocol;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u16 flags; /* enum bh_packet_flag */
	__u16 payload; /* ICMP errors: where the quoted packet begins, in bytes from the start */
	__u8 icmp_code;
	__u8 reserved;
	__u16 transport; /* where the transport header begins (of a later fragment, its data), in bytes from the start */
	__u32 fragment_id; /* as on the wire */
};

struct bh_ipv4_header {
	__u8 version_ihl;
	__u8 tos;
	__u16 total_length;
	__u16 id;
	__u16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__u32 src;
	__u32 dst;
};

struct bh_ipv6_header {
	__u32 version_class_flow;
	__u16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	struct bh_addr src;
	struct bh_addr dst;
};

struct bh_ipv6_extension {
	__u8 next_header;
	__u8 length; /* of all but the first 8 bytes, in units of 8; AH: of all but the first 8, in 4 */
	__u16 fragment; /* fragment header: offset and flags */
	__u32 fragment_id;
};

struct bh_transport_ports {
	__u16 src;
	__u16 dst;
};

struct bh_icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__u16 id;
	__u16 sequence;
};

enum {
	BH_NEXT_HOP_BY_HOP = 0,
	BH_NEXT_DCCP = 33,
	BH_NEXT_ROUTING = 43,
	BH_NEXT_FRAGMENT = 44,
	BH_NEXT_AH = 51,
	BH_NEXT_NONE = 59,
	BH_NEXT_DESTINATION = 60,
	BH_NEXT_UDP_LITE = 136,
};

/* Where we are: `at` bytes into what lies between `begin` and `end`. */
struct bh_cursor {
	const __u8 *begin;
	const __u8 *end;
	__u32 at;
};

/* The next `size` bytes, or 0 if they are not all there. Does not advance. */
BH_INLINE const void *bh_peek(const struct bh_cursor *cursor, __u32 size)
{
	const __u8 *here;
	__u32 at = cursor->at;

	if (at > BH_MAX_HEADERS)
		return 0;
	here = cursor->begin + at;
	return here + size > cursor->end ? 0 : here;
}

BH_INLINE enum bh_parse_result bh_parse_tcp(struct bh_cursor *cursor, struct bh_packet *packet)
{
	const __u8 *tcp = (const __u8 *)bh_peek(cursor, 20);

	if (!tcp)
		return BH_PARSE_SHORT;
	if ((tcp[12] >> 4) < 5)
		return BH_PARSE_MALFORMED;
	packet->src_port = ((const struct bh_transport_ports *)tcp)->src;
	packet->dst_port = ((const struct bh_transport_ports *)tcp)->dst;
	packet->tcp_flags = tcp[13];
	packet->flags |= BH_HAS_PORTS;
	return BH_PARSED;
}

BH_INLINE enum bh_parse_result bh_parse_ports(struct bh_cursor *cursor, struct bh_packet *packet)
{
	const struct bh_transport_ports *ports = (const struct bh_transport_ports *)bh_peek(cursor, 8);

	if (!ports)
		return BH_PARSE_SHORT;
	packet->src_port = ports->src;
	packet->dst_port = ports->dst;
	packet->flags |= BH_HAS_PORTS;
	return BH_PARSED;
}

/* RFC 9260: behind the ports, a tag and a checksum is at least the header of a chunk. */
BH_INLINE enum bh_parse_result bh_parse_sctp(struct bh_cursor *cursor, struct bh_packet *packet)
{
	const __u8 *sctp = (const __u8 *)bh_peek(cursor, 16);

	if (!sctp)
		return BH_PARSE_SHORT;
	if (sctp[12] == 1)
		packet->flags |= BH_SCTP_INIT;
	return bh_parse_ports(cursor, packet);
}

/* RFC 792, 1256 */
BH_INLINE __u8 bh_icmp_flags(__u8 type)
{
	switch (type) {
	case 8:
		return BH_ECHO_REQUEST;
	case 0:
		return BH_ECHO_REPLY;
	case 3: /* unreachable */
	case 4: /* source quench */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return BH_ICMP_ERROR;
	case 5: /* redirect */
	case 9: /* router advertisement */
		return BH_ROUTER_ICMP;
	default:
		return 0;
	}
}

/* RFC 4443, 4861, 2710, 3810: error messages are those below 128 */
BH_INLINE __u8 bh_icmpv6_flags(__u8 type)
{
	if (type < 128)
		return BH_ICMP_ERROR;
	switch (type) {
	case 128:
		return BH_ECHO_REQUEST;
	case 129:
		return BH_ECHO_REPLY;
	case 134: /* router advertisement */
	case 137: /* redirect */
		return BH_ROUTER_ICMP;
	case 130: /* MLD query, report, done */
	case 131:
	case 132:
	case 133: /* router solicitation */
	case 135: /* neighbour solicitation, advertisement */
	case 136:
	case 143: /* MLDv2 report */
		return BH_NEIGHBOR;
	default:
		return 0;
	}
}

BH_INLINE enum bh_parse_result bh_parse_icmp(struct bh_cursor *cursor, struct bh_packet *packet)
{
	const struct bh_icmp_header *icmp = (const struct bh_icmp_header *)bh_peek(cursor, sizeof(*icmp));

	if (!icmp)
		return BH_PARSE_SHORT;
	packet->icmp_type = icmp->type;
	packet->icmp_code = icmp->code;
	packet->flags = (__u16)(packet->flags | (packet->protocol == BH_ICMP ? bh_icmp_flags(icmp->type) :
									       bh_icmpv6_flags(icmp->type)));
	if (packet->flags & (BH_ECHO_REQUEST | BH_ECHO_REPLY)) {
		packet->src_port = icmp->id;
		packet->dst_port = icmp->id;
	}
	packet->payload = (__u16)(cursor->at + sizeof(*icmp));
	return BH_PARSED;
}

BH_INLINE enum bh_parse_result bh_parse_transport(struct bh_cursor *cursor, struct bh_packet *packet)
{
	packet->transport = (__u16)cursor->at;
	if (packet->flags & BH_LATER_FRAGMENT)
		return BH_PARSED;
	switch (packet->protocol) {
	case BH_TCP:
		return packet->flags & BH_QUOTED ? bh_parse_ports(cursor, packet) : bh_parse_tcp(cursor, packet);
	case BH_SCTP:
		return packet->flags & BH_QUOTED ? bh_parse_ports(cursor, packet) : bh_parse_sctp(cursor, packet);
	case BH_UDP:
	case BH_NEXT_DCCP:
	case BH_NEXT_UDP_LITE:
		return bh_parse_ports(cursor, packet);
	case BH_ICMP:
		return packet->family == BH_IPV4 ? bh_parse_icmp(cursor, packet) : BH_PARSED;
	case BH_ICMPV6:
		return packet->family == BH_IPV6 ? bh_parse_icmp(cursor, packet) : BH_PARSED;
	default:
		return BH_PARSED; /* judged by identity alone */
	}
}

/* `offset` in units of 8 bytes (RFC 791, 8200). */
BH_INLINE enum bh_parse_result bh_note_fragment(struct bh_packet *packet, __u16 offset, int more)
{
	if (offset != 0)
		packet->flags |= BH_LATER_FRAGMENT;
	else if (more)
		packet->flags |= BH_FIRST_FRAGMENT;
	/* RFC 3128: a second fragment that begins inside the TCP header can only be an attack. */
	return offset == 1 && packet->protocol == BH_TCP ? BH_PARSE_MALFORMED : BH_PARSED;
}

BH_INLINE enum bh_parse_result bh_parse_ipv4(struct bh_cursor *cursor, struct bh_packet *packet)
{
	const struct bh_ipv4_header *ip = (const struct bh_ipv4_header *)bh_peek(cursor, sizeof(*ip));
	enum bh_parse_result result;
	__u32 length;
	__u16 fragment;

	if (!ip)
		return BH_PARSE_SHORT;
	length = (ip->version_ihl & 0xf) * 4u;
	if (ip->version_ihl >> 4 != 4 || length < sizeof(*ip))
		return BH_PARSE_MALFORMED;
	/* 0: segments of more than 64 KiB in one (Linux' "BIG TCP"); of anything else the kernel throws it away. */
	if (ip->total_length && BH_NET16(ip->total_length) < length)
		return BH_PARSE_MALFORMED;
	packet->family = BH_IPV4;
	packet->src.word[0] = ip->src;
	packet->dst.word[0] = ip->dst;
	packet->protocol = ip->protocol;
	fragment = ip->fragment & BH_NET16(0x3fff);
	if (fragment) {
		fragment = BH_NET16(fragment);
		packet->fragment_id = ip->id;
		result = bh_note_fragment(packet, fragment & 0x1fff, fragment & 0x2000);
		if (result != BH_PARSED)
			return result;
	}
	cursor->at += length;
	return bh_parse_transport(cursor, packet);
}

/* One extension header. Returns BH_PARSED and sets *done when the transport header is next. */
BH_INLINE enum bh_parse_result bh_parse_extension(struct bh_cursor *cursor, struct bh_packet *packet, int *done)
{
	const struct bh_ipv6_extension *extension;
	__u8 kind = packet->protocol;
	__u16 fragment;

	if (kind != BH_NEXT_HOP_BY_HOP && kind != BH_NEXT_ROUTING && kind != BH_NEXT_DESTINATION &&
	    kind != BH_NEXT_FRAGMENT && kind != BH_NEXT_AH) {
		*done = 1;
		return BH_PARSED;
	}
	extension = (const struct bh_ipv6_extension *)bh_peek(cursor, sizeof(*extension));
	if (!extension)
		return BH_PARSE_SHORT;
	packet->protocol = extension->next_header;
	if (kind == BH_NEXT_FRAGMENT) {
		cursor->at += 8;
		fragment = BH_NET16(extension->fragment);
		packet->fragment_id = extension->fragment_id;
		if (fragment >> 3) /* what follows is data, whatever its first byte says */
			*done = 1;
		return bh_note_fragment(packet, fragment >> 3, fragment & 1);
	}
	cursor->at += kind == BH_NEXT_AH ? (extension->length + 2u) * 4 : (extension->length + 1u) * 8;
	return BH_PARSED;
}

BH_INLINE enum bh_parse_result bh_parse_extensions(struct bh_cursor *cursor, struct bh_packet *packet)
{
	int done = 0;

	for (int i = 0; i <= BH_MAX_EXTENSIONS; i++) {
		enum bh_parse_result result = bh_parse_extension(cursor, packet, &done);

		if (result != BH_PARSED || done)
			return result;
	}
	return BH_PARSE_EXTENSIONS;
}

BH_INLINE enum bh_parse_result bh_parse_ipv6(struct bh_cursor *cursor, struct bh_packet *packet)
{
	const struct bh_ipv6_header *ip = (const struct bh_ipv6_header *)bh_peek(cursor, sizeof(*ip));
	enum bh_parse_result result;

	if (!ip)
		return BH_PARSE_SHORT;
	if (*(const __u8 *)ip >> 4 != 6)
		return BH_PARSE_MALFORMED;
	packet->family = BH_IPV6;
	packet->src = ip->src;
	packet->dst = ip->dst;
	packet->protocol = ip->next_header;
	cursor->at += sizeof(*ip);
	if (packet->protocol != BH_TCP && packet->protocol != BH_UDP) {
		result = bh_parse_extensions(cursor, packet);
		if (result != BH_PARSED)
			return result;
	}
	return bh_parse_transport(cursor, packet);
}

/*
 * An IP packet at the cursor, by its ethertype as it lies in memory. Addresses and protocol are set as
 * far as they could be read, also when the result is not BH_PARSED.
 */
BH_INLINE enum bh_parse_result bh_parse_ip(struct bh_cursor *cursor, __u16 ethertype, struct bh_packet *packet)
{
	if (ethertype == BH_ETHERTYPE_IPV4)
		return bh_parse_ipv4(cursor, packet);
	if (ethertype == BH_ETHERTYPE_IPV6)
		return bh_parse_ipv6(cursor, packet);
	return ethertype == BH_ETHERTYPE_ARP ? BH_PARSE_ARP : BH_PARSE_OTHER;
}

#endif
