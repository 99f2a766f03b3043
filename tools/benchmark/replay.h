/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench tells replay.bpf.c: the packets that it runs round robin, and how many there are. */
#ifndef BULKHEAD_BENCHMARK_REPLAY_H
#define BULKHEAD_BENCHMARK_REPLAY_H

#include "bulkhead/abi.h"

#define BENCH_MAX_PACKETS 65536

/* One packet's own part; everything else is the same for all packets of a run. */
struct bench_packet {
    __u32 ifindex;
    __u32 ingress_ifindex;
    __u32 ports;        /* source, then destination, as they lie in the packet */
    struct bh_addr src; /* network */
    struct bh_addr dst; /* network */
};

#endif
