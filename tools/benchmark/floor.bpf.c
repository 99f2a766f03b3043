/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs are compared with: one that does nothing, and one that does the least that any
 * judge of packets must do: find the addresses, two hash look-ups, one counter. It looks up in the very
 * maps of the programs under test.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bulkhead/parse.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bh_endpoint);
} endpoints4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct bh_addr);
    __type(value, struct bh_endpoint);
} endpoints6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bh_interface);
} interfaces SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, BH_REASON_COUNT);
    __type(key, __u32);
    __type(value, struct bh_counter);
} floor_counters SEC(".maps");

BH_INLINE const struct bh_endpoint* find_source(struct __sk_buff* skb) {
    const __u8* data = (const __u8*)(long)skb->data;
    const __u8* end = (const __u8*)(long)skb->data_end;

    if (skb->protocol == BH_ETHERTYPE_IPV4) {
        const struct bh_ipv4_header* ip = (const void*)(data + 14);

        return (const __u8*)(ip + 1) > end ? 0 : bpf_map_lookup_elem(&endpoints4, &ip->src);
    }
    if (skb->protocol == BH_ETHERTYPE_IPV6) {
        const struct bh_ipv6_header* ip = (const void*)(data + 14);

        return (const __u8*)(ip + 1) > end ? 0 : bpf_map_lookup_elem(&endpoints6, &ip->src);
    }
    return 0;
}

SEC("tc")
int bench_floor(struct __sk_buff* skb) {
    __u32 ifindex = skb->cb[BH_IN_IFINDEX];
    const struct bh_interface* interface = bpf_map_lookup_elem(&interfaces, &ifindex);
    const struct bh_endpoint* source = find_source(skb);
    __u32 index = interface && source;
    struct bh_counter* counter = bpf_map_lookup_elem(&floor_counters, &index);

    if (counter) {
        counter->packets++;
        counter->bytes += skb->len;
    }
    return -1;
}

SEC("tc")
int bench_nothing(struct __sk_buff* skb) {
    (void)skb;
    return -1;
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
