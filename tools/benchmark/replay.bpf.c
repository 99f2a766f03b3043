/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes the next packet out of the test run's one skb, then goes on with the program under test. So a
 * test run of a million repetitions sees as many different packets as the bench likes, and the caches
 * are as cold as they would be. What this costs is measured with an empty program and taken off.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "bulkhead/parse.h"
#include "replay.h"

struct bench_packet packets[BENCH_MAX_PACKETS];
__u32 count;
__u32 next;

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(__u32));
} target SEC(".maps");

/*
 * Whole words, each as it will be read: a load that spans several smaller stores waits for them, and a
 * packet that came from a network card would not make it wait.
 */
BH_INLINE void write_address(__u32* to, const struct bh_addr* address, int words) {
    for (int i = 0; i < words; i++)
        to[i] = address->word[i];
}

BH_INLINE void write_ipv4(struct __sk_buff* skb, const struct bench_packet* packet) {
    __u8* ip = (__u8*)(long)skb->data + 14;

    if (ip + sizeof(struct bh_ipv4_header) + sizeof(__u32) > (__u8*)(long)skb->data_end) return;
    write_address((__u32*)(ip + 12), &packet->src, 1);
    write_address((__u32*)(ip + 16), &packet->dst, 1);
    *(__u32*)(ip + sizeof(struct bh_ipv4_header)) = packet->ports;
}

BH_INLINE void write_ipv6(struct __sk_buff* skb, const struct bench_packet* packet) {
    __u8* ip = (__u8*)(long)skb->data + 14;

    if (ip + sizeof(struct bh_ipv6_header) + sizeof(__u32) > (__u8*)(long)skb->data_end) return;
    write_address((__u32*)(ip + 8), &packet->src, 4);
    write_address((__u32*)(ip + 24), &packet->dst, 4);
    *(__u32*)(ip + sizeof(struct bh_ipv6_header)) = packet->ports;
}

SEC("tc")
int bench_replay(struct __sk_buff* skb) {
    __u32 now = next;
    const struct bench_packet* packet = &packets[now & (BENCH_MAX_PACKETS - 1)];

    next = now + 1 < count ? now + 1 : 0;
    skb->cb[BH_IN_IFINDEX] = packet->ifindex;
    skb->cb[BH_IN_INGRESS_IFINDEX] = packet->ingress_ifindex;
    skb->cb[BH_IN_LOCAL_SOCKET] = 0;
    if (skb->protocol == BH_ETHERTYPE_IPV4)
        write_ipv4(skb, packet);
    else
        write_ipv6(skb, packet);
    bpf_tail_call(skb, &target, 0);
    return 2;
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
