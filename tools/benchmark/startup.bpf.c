/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's own moments of a pod's start: when it announces the veth, when the agent's programs are on it, and
 * which datagrams got through that must not. So no figure depends on when a thread of the bench was scheduled.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "startup.h"

#define BENCH_UP 1 /* IFF_UP, whose header takes libc along */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* By interface number: written here, read by the bench. Full: that pod has no moments, and the bench says so. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4 * BENCH_MOST_PODS);
    __type(key, __u32);
    __type(value, struct bench_veth);
} veths SEC(".maps");

/* By pod: first what reached it, then what it sent. Written here, read by the bench. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * BENCH_MOST_PODS);
    __type(key, __u32);
    __type(value, struct bench_passed);
} passed SEC(".maps");

/* By pod: when its process started. Written by the bench, read here. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BENCH_MOST_PODS);
    __type(key, __u32);
    __type(value, __u64);
} started SEC(".maps");

static struct bench_veth* veth_of(__u32 ifindex) {
    static const struct bench_veth none = {};
    struct bench_veth* known = bpf_map_lookup_elem(&veths, &ifindex);

    if (known) return known;
    bpf_map_update_elem(&veths, &ifindex, &none, BPF_NOEXIST);
    return bpf_map_lookup_elem(&veths, &ifindex);
}

static void note(__u64* moment) {
    if (*moment == 0) *moment = bpf_ktime_get_ns();
}

static void take_link(struct __sk_buff* skb) {
    struct ifinfomsg link;
    struct bench_veth* veth;

    if (bpf_skb_load_bytes(skb, NLMSG_HDRLEN, &link, sizeof link) != 0) return;
    veth = veth_of((__u32)link.ifi_index);
    if (!veth) return;
    note(&veth->announced);
    if (link.ifi_flags & BENCH_UP) note(&veth->up);
}

static void take_filter(struct __sk_buff* skb, int is_new) {
    struct tcmsg filter;
    struct bench_veth* veth;
    __u32 ingress;

    if (bpf_skb_load_bytes(skb, NLMSG_HDRLEN, &filter, sizeof filter) != 0) return;
    veth = veth_of((__u32)filter.tcm_ifindex);
    if (!veth) return;
    ingress = filter.tcm_parent == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
    note(is_new ? &veth->filters[ingress] : &veth->relieved[ingress]);
}

/* On a socket that subscribed to rtnetlink's news: runs when the kernel tells them, in whoever caused them. */
SEC("socket")
int bench_news(struct __sk_buff* skb) {
    struct nlmsghdr news;

    if (bpf_skb_load_bytes(skb, 0, &news, sizeof news) != 0) return 0;
    if (news.nlmsg_type == RTM_NEWLINK)
        take_link(skb);
    else if (news.nlmsg_type == RTM_NEWTFILTER || news.nlmsg_type == RTM_DELTFILTER)
        take_filter(skb, news.nlmsg_type == RTM_NEWTFILTER);
    return 0; /* nobody reads them */
}

static void count(__u32 pod, __u32 direction) {
    __u32 key = 2 * pod + direction;
    struct bench_passed* row = bpf_map_lookup_elem(&passed, &key);
    __u64* start = bpf_map_lookup_elem(&started, &pod);
    __u64 now = bpf_ktime_get_ns();

    if (!row || !start) return;
    note(&row->first);
    row->last = now;
    __sync_fetch_and_add(&row->packets, 1);
    if (*start != 0 && now >= *start) __sync_fetch_and_add(&row->late, 1);
}

/* Of a datagram of that kind the pod's number, else BENCH_MOST_PODS. */
static __u32 pod_of(struct __sk_buff* skb, __u16 kind) {
    __u32 offset = skb->protocol == bpf_htons(ETH_P_IPV6) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
    __u16 ports[2];
    __u32 pod;

    if (bpf_skb_load_bytes(skb, ETH_HLEN + offset, ports, sizeof ports) != 0 || ports[0] != bpf_htons(kind))
        return BENCH_MOST_PODS;
    pod = bpf_ntohs(ports[1]) - BENCH_FIRST_PORT;
    return pod < BENCH_MOST_PODS ? pod : BENCH_MOST_PODS;
}

/* At the pod's own end of its veth: whatever is seen here got through. */
SEC("tc")
int bench_at_pod(struct __sk_buff* skb) {
    __u32 pod = pod_of(skb, BENCH_TO_POD);

    if (pod != BENCH_MOST_PODS) count(pod, 0);
    return TC_ACT_UNSPEC;
}

/* At the resource's device, likewise. */
SEC("tc")
int bench_at_resource(struct __sk_buff* skb) {
    __u32 pod = pod_of(skb, BENCH_FROM_POD);

    if (pod != BENCH_MOST_PODS) count(pod, 1);
    return TC_ACT_UNSPEC;
}
