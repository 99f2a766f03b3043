/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Somebody else's program, which lets everything pass that it sees and so hides what comes after it. It notes when
 * it ran first and last, and how often: that is how long, and for how many packets, it stood in front.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct seen {
    __u64 first, last; /* ns, CLOCK_MONOTONIC */
    __u64 packets;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct seen);
} gap SEC(".maps");

SEC("tc")
int bench_hide(struct __sk_buff* skb) {
    __u32 index = 0;
    struct seen* seen = bpf_map_lookup_elem(&gap, &index);

    (void)skb;
    if (!seen)
        return 0;
    seen->last = bpf_ktime_get_ns();
    if (!seen->first)
        seen->first = seen->last;
    seen->packets++;
    return 0; /* TC_ACT_OK, TCX_PASS */
}

char bench_license[] SEC("license") = "Dual BSD/GPL";
