/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bytes that the kernel programs, the agent, bulkheadctl and the tests share: map keys and
 * values, the event record and the configuration. Nothing else describes them.
 *
 * Compiles as C for the BPF target and as C++20. Byte order is said per field: "network" is as on the
 * wire, everything else is the host's. Padding is always explicit, because BPF hashes keys bytewise.
 * A layout change raises BH_ABI_VERSION.
 */
#ifndef BULKHEAD_ABI_H
#define BULKHEAD_ABI_H

#include <linux/bpf.h>
#include <linux/types.h>

#include "bulkhead/reasons.h"

#define BH_ABI_VERSION 2

/* Identity ids that need no object. Tenant 0 is "nobody's": never the same tenant as anything. */
enum bh_builtin_identity {
	BH_IDENTITY_ANY = 0, /* wildcard in bh_opening_key; never an endpoint's */
	BH_IDENTITY_WORLD = 1, /* an address that nobody knows */
	BH_IDENTITY_HELD = 2, /* a guarded veth whose pod or namespace is not known yet */
	BH_IDENTITY_SERVICE = 3, /* a Service's cluster IP */
	/* Stand in for identities that have no room in the map, which would read as nobody's and open. */
	BH_IDENTITY_NO_ROOM_PROTECTED = 4,
	BH_IDENTITY_NO_ROOM_CONFINED = 5,
	BH_IDENTITY_NO_ROOM_BOTH = 6,
	BH_IDENTITY_FIRST_FREE = 16,
};

/* What the rule knows of an identity; see verdict.h for what each means to it. */
enum bh_identity_flag {
	BH_PROTECTED = 1 << 0, /* level */
	BH_AUDIT = 1 << 1, /* mode: judge and report, let pass */
	BH_SEALED = 1 << 2, /* trust never opens it */
	BH_CONFINED = 1 << 3, /* its own outbound is restricted */
	BH_POD = 1 << 4, /* a pod (else a node, a resource or an unknown address) */
	BH_NODE = 1 << 5, /* a node's own address, hostNetwork pods included */
	BH_RESOURCE = 1 << 6, /* an AWSResource */
	BH_INFRA = 1 << 7, /* cluster DNS, Pod Identity: what a confined pod may always reach */
	BH_UNNAMED = 1 << 8, /* held: not known yet */
	BH_SERVICE = 1 << 9, /* a Service's address: whoever answers under it, NAT has hidden */
	BH_OUTSIDE = 1 << 10, /* the world, or a CIDR that somebody names: no object has the address */
	/* Which rows of the openings map can exist, so that absent ones cost no look-up. */
	BH_ASK_TO = 1 << 16, /* rows (this, any): exposes, open ports of a resource */
	BH_ASK_TO_FROM = 1 << 17, /* rows (this, src): grants to named peers */
	BH_ASK_FROM = 1 << 18, /* rows (any, this): trust, allowTo everything */
	BH_ASK_FROM_TO = 1 << 19, /* rows (dst, this): allowTo named peers */
};

/* identities[id]: array. key_hash names the class across restarts of the agent (64-bit FNV-1a of its
 * canonical text); 0 = this id is free. */
struct bh_identity {
	__u32 tenant; /* key of the tenants map; 0 = nobody's */
	__u32 flags; /* enum bh_identity_flag */
	__u64 key_hash;
};

/* tenants: id -> "source/name", NUL-terminated; only user space reads it. */
#define BH_TENANT_NAME_SIZE 256
struct bh_tenant_name {
	char text[BH_TENANT_NAME_SIZE];
};

/* An address in network order. IPv4 lies in word[0] with the other words zero; the family is always
 * told by what stands beside it (the map, or a family field). */
struct bh_addr {
	__u32 word[4];
};

enum bh_family { BH_IPV4 = 4, BH_IPV6 = 6 };

enum bh_endpoint_flag {
	BH_ENDPOINT_THIS_NODE = 1 << 0, /* this node's own, or a configured probe address */
};

/* endpoints4: __be32 -> bh_endpoint; endpoints6: bh_addr -> bh_endpoint. Hash. */
struct bh_endpoint {
	__u32 identity;
	__u16 slot; /* pods[] of a pod on this node; 0 = not on this node */
	__u16 flags; /* enum bh_endpoint_flag */
};

/* prefixes4, prefixes6: longest-prefix trie -> identity id (__u32). Disjoint or nested; the most
 * specific row carries everything that covers it, so one look-up is enough. */
struct bh_prefix4 {
	__u32 length; /* bits */
	__u32 address; /* network */
};

struct bh_prefix6 {
	__u32 length; /* bits */
	struct bh_addr address;
};

/* interfaces: ifindex (__u32) -> bh_interface. Hash. Only guarded pod veths are in it. */
struct bh_interface {
	__u32 slot; /* pods[], never 0 */
};

#define BH_POD_INTERFACES 4
#define BH_POD_ADDRESSES 4

enum bh_pod_flag {
	BH_POD_ANY_SOURCE = 1 << 0, /* source check off: this pod routes for others */
	BH_POD_OLDER = 1 << 1, /* was there before us: its sockets may tell that its peer spoke first */
};

/* pods[slot]: array. Two interfaces of one pod share a slot. Slot 0 is nobody. */
struct bh_pod {
	__u32 generation; /* another pod, another number; 0 = slot is free */
	__u32 identity;
	__s32 nsid; /* the pod's netns as the agent's netns numbers it; -1 = unknown */
	__u32 flags; /* enum bh_pod_flag */
	__u32 flow_sets; /* size of its flow table, a power of two; 0 = none. The writer's, not compile()'s */
	__u32 reserved;
	__u32 ifindex[BH_POD_INTERFACES]; /* 0 = unused */
	__u32 addr4[BH_POD_ADDRESSES]; /* network; 0 = unused */
	struct bh_addr addr6[BH_POD_ADDRESSES]; /* :: = unused */
};

/* openings: who may reach whom on what, beyond lines 1-5. Either identity may be BH_IDENTITY_ANY. */
struct bh_opening_key {
	__u32 dst;
	__u32 src;
	__u32 part; /* 0, 1, ...: a long list goes on in the next part */
};

#define BH_OPENINGS_PER_BLOCK 16
#define BH_OPENING_PARTS 8

enum bh_protocol {
	BH_ANY_PROTOCOL = 0,
	BH_ICMP = 1, /* also stands for ICMPv6 in openings */
	BH_TCP = 6,
	BH_UDP = 17,
	BH_ICMPV6 = 58,
	BH_SCTP = 132,
};

struct bh_opening {
	__u16 first_port; /* host order, inclusive; 0..65535 = every port and no port at all */
	__u16 last_port;
	__u8 protocol; /* enum bh_protocol, 0 = every protocol */
	__u8 line; /* enum bh_reason: OPEN, EXPOSED, TRUSTED, GRANTED; CONFINED = an allowTo of src */
	__u16 reserved;
	__u32 origin; /* names the object that says so: 32-bit FNV-1a of its text */
	__u32 reserved2;
	__u64 until; /* jiffies64 after which this row no longer holds; 0 = no end */
};

struct bh_openings {
	__u16 count;
	__u16 more; /* 1 = there is a next part */
	__u32 reserved;
	struct bh_opening row[BH_OPENINGS_PER_BLOCK];
};

/*
 * flows: pod slot -> that pod's own flow memory, an array of sets, each of BH_FLOW_WAYS entries of 32
 * bytes. An entry says who spoke first in a conversation as the pod's veth sees it.
 *
 * Written without locks by several CPUs: `check` covers everything that doesn't change while an entry
 * lives, so a torn entry reads as none. `stamp` is one aligned word.
 */
#define BH_FLOW_WAYS 8

enum bh_flow_state { /* low byte of stamp */
	BH_FLOW_ANSWERED = 1 << 0,
	BH_FLOW_FIN_LOCAL = 1 << 1,
	BH_FLOW_FIN_PEER = 1 << 2,
	BH_FLOW_RESET = 1 << 3,
};

#define BH_FLOW_LOCAL_FIRST 0x80000000u /* in `who`: the pod itself spoke first */
#define BH_FLOW_TENANT_MASK 0x7fffffffu
#define BH_FLOW_IPV6 0x80 /* in `local` */

struct bh_flow {
	struct bh_addr peer; /* network */
	__u16 local_port; /* network; ICMP echo: identifier */
	__u16 peer_port; /* network; ICMP echo: its identifier, as in local_port */
	__u8 protocol;
	__u8 local; /* index in the pod's addresses of that family, BH_POD_ADDRESSES = none of them; | BH_FLOW_IPV6 */
	__u16 check; /* of all the above, `who` and the pod's generation; never 0 */
	__u32 who; /* peer's tenant | BH_FLOW_LOCAL_FIRST */
	__u32 stamp; /* last seen in ticks of 2^BH_FLOW_TICK_SHIFT jiffies << 8 | enum bh_flow_state */
};

#define BH_FLOW_TICK_SHIFT 6

struct bh_flow_set {
	struct bh_flow way[BH_FLOW_WAYS];
};

/* fragments: LRU hash, what the first fragment told of the rest. */
struct bh_fragment_key {
	struct bh_addr src; /* network */
	struct bh_addr dst; /* network */
	__u32 id; /* as on the wire */
	__u32 ifindex; /* the hook's interface */
	__u8 protocol; /* IPv4 only: what an IPv6 fragment header says of it differs from piece to piece */
	__u8 family; /* enum bh_family */
	__u8 direction; /* enum bh_direction */
	__u8 reserved;
};

struct bh_fragment {
	__u16 src_port; /* network; ICMP echo: identifier */
	__u16 dst_port; /* network; ICMP echo: identifier */
	__u16 flags; /* enum bh_packet_flag: ports, echo request or reply */
	__u8 protocol;
	__u8 reserved;
};

/* counters[(slot * 2 + direction) * BH_REASON_COUNT + reason]: per-CPU array. */
enum bh_direction { BH_EGRESS = 0, BH_INGRESS = 1 }; /* from the pod's view */

struct bh_counter {
	__u64 packets; /* GSO segments count each */
	__u64 bytes; /* from the Ethernet header on */
};

/*
 * overrides: tenant -> bh_override; tenant 0 = everybody. Until then what would fall for the sake of that tenant's
 * level or confinement passes and is reported, as in audit mode. For everybody: whatever would fall.
 */
#define BH_MAX_OVERRIDES 1024
struct bh_override {
	__u64 until; /* jiffies64 after which it no longer holds; never 0 */
	__u32 origin; /* names the object that says so: 32-bit FNV-1a of its text */
	__u32 reserved;
};

/* statistics[]: per-CPU array of __u64, what the datapath says of itself. */
enum bh_statistic {
	BH_STAT_EVENTS, /* written to the ring */
	BH_STAT_EVENTS_LIMITED, /* conversations that none tells of: the rate limit */
	BH_STAT_EVENTS_LOST, /* conversations that none tells of: the ring was full */
	BH_STAT_FLOWS_WRITTEN, /* new entries */
	BH_STAT_FLOWS_EVICTED, /* live entries that gave way to new ones */
	BH_STAT_REFUSED_MERGED, /* refused packets that were counted by less than their conversation: see bh_merge() */
	BH_STAT_REFUSED_UNTOLD, /* refused packets that no event tells of: their row gave way in a storm */
	BH_STAT_COUNT,
};

/*
 * events: ring buffer of bh_event: the first packet of a conversation that passes, or one and more packets of one that
 * is refused (denied, in audit mode, or asleep). What an older version doesn't know comes last.
 */
struct bh_event {
	__u64 time; /* ns, CLOCK_MONOTONIC: of the newest packet that is told */
	__u32 ifindex; /* of the pod's veth; where that isn't known (see slot), of where it was judged */
	__u32 length; /* of that packet in bytes, from the Ethernet header on */
	__u32 src_identity;
	__u32 dst_identity;
	struct bh_addr src; /* network */
	struct bh_addr dst; /* network */
	__u16 src_port; /* host; ICMP: type << 8 | code */
	__u16 dst_port; /* host; ICMP: identifier */
	__u8 family; /* enum bh_family; 0 = not IP */
	__u8 protocol;
	__u8 tcp_flags;
	__u8 direction; /* enum bh_direction */
	__u8 reason; /* enum bh_reason */
	__u8 verdict; /* enum bh_verdict */
	__u16 slot;
	__u32 origin; /* of the opening that decided; 0 = none did */
	__u64 first; /* as time: of the first packet that is told; the same unless several are */
	__u64 packets; /* that are told; GSO segments count each */
	__u64 bytes; /* of these */
};

/* Who writes events has a share of its own, so that a flood of refused packets hides no conversation. */
enum bh_share { BH_SHARE_PASSED = 0, BH_SHARE_REFUSED = 1, BH_SHARE_COUNT };

/* limiter[0]: per-CPU array, the programs' own: how many events this CPU wrote in the running second. */
struct bh_limiter {
	__u64 since; /* jiffies64 at its start */
	__u32 used[BH_SHARE_COUNT];
};

/*
 * told: array of sets, the refused conversations that were told of last, whosever they are. What is not told yet of
 * one stands in its event, with packets = 0 where that is nothing.
 */
#define BH_TOLD_SETS 1024
#define BH_TOLD_WAYS 8

struct bh_told {
	struct bh_event event;
	__u64 told; /* jiffies64 when an event was written last */
	__u64 hash; /* of what makes it this conversation */
};

struct bh_told_set {
	struct bh_told way[BH_TOLD_WAYS];
	struct bpf_spin_lock lock;
	__u32 reserved;
};

/* How many sets one run of bh_tell_rest looks at, from skb->cb[0] on. */
#define BH_TOLD_SETS_PER_RUN 64

/* control[0]: array, written by the agent. */
#define BH_BITMAP_WORDS 1024 /* 65,536 bits */

enum bh_armed {
	BH_ARMED = 1 << 0, /* else asleep: nothing is dropped */
	BH_ARMED_OVERRIDES = 1 << 1, /* there may be rows in overrides: ask before something falls */
};

struct bh_control {
	__u32 abi_version;
	__u32 armed; /* enum bh_armed */
	__u32 ticks_per_second; /* HZ of the running kernel, measured */
	__u32 events_per_second; /* per CPU, for each enum bh_share */
	/* bit (ifindex & 0xffff) set = that interface may be a guarded veth */
	__u64 guarded[BH_BITMAP_WORDS];
	/* bit (first 16 bits of the address) set = an IPv4 prefix may cover it */
	__u64 prefix4[BH_BITMAP_WORDS];
	/* bit (bh_fold6() of the address) set = an IPv6 prefix may cover it */
	__u64 prefix6[BH_BITMAP_WORDS];
};

/* Where this kernel's struct sk_buff has what a program can't ask for otherwise; in bytes from its start. */
struct bh_skb_layout {
	__u16 checksum_start; /* csum_start, and behind it csum_offset */
	__u16 network_header;
	__u16 ip_summed; /* the byte with this bit field of two bits ... */
	__u8 ip_summed_shift; /* ... and where in it they are */
	__u8 known; /* 0 = this kernel doesn't tell, or programs may not look */
};

/*
 * Programs' `const volatile` configuration, set before load and folded by the verifier.
 * A rehearsal (explain, packet tables, benches) takes the packet's circumstances from cb[] because a
 * test run can't set them; it leaves its answer there too.
 */
struct bh_config {
	__u64 flow_seed; /* random; keeps strangers from aiming at one flow set */
	__u8 rehearsal; /* enum bh_rehearsal: circumstances come from cb[] */
	__u8 silent; /* count, remember and report nothing */
	__u8 visibility; /* enum bh_visibility */
	__u8 reserved;
	__u32 answer_mark; /* bit of skb->mark that from_pod tells the uplink an answer by; 0 = none */
	struct bh_skb_layout skb;
	__u32 repeat_seconds; /* between two events about one refused conversation */
	__u32 reserved2;
};

/* Of what there are events. */
enum bh_visibility {
	BH_VISIBLE_CONVERSATIONS = 0, /* each that begins and passes, and what is refused */
	BH_VISIBLE_DENIED = 1, /* what is refused */
	BH_VISIBLE_OFF = 2,
};

enum bh_rehearsal {
	BH_NO_REHEARSAL = 0,
	BH_REHEARSAL = 1,
	BH_REHEARSAL_UNANSWERED = 2, /* leaves no answer, so that benches measure what packets cost */
};

enum bh_rehearsal_in { /* skb->cb[] before the run */
	BH_IN_IFINDEX = 0,
	BH_IN_INGRESS_IFINDEX = 1,
	BH_IN_LOCAL_SOCKET = 2, /* 1 = a socket of this node made it */
};

enum bh_rehearsal_out { /* skb->cb[] after it */
	BH_OUT_VERDICT = 0, /* enum bh_verdict | enum bh_reason << 8 | for a reply: the reason of the original direction << 16 */
	BH_OUT_SRC_IDENTITY = 1,
	BH_OUT_DST_IDENTITY = 2,
	BH_OUT_ORIGIN = 3,
	BH_OUT_JUDGED = 4, /* 1 = this hook was the judge */
};

/* The bit of control.prefix6 that stands for an address: its first 64 bits, folded to 16. */
static inline __u32 bh_fold6(const struct bh_addr *address)
{
	__u32 folded = address->word[0] ^ address->word[1];

	return (folded ^ (folded >> 16)) & 0xffff;
}

#endif
