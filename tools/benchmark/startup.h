/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What startup.bpf.c notes, and startup_watch.cpp reads. Times are nanoseconds of CLOCK_MONOTONIC, 0 = never.
 */
#ifndef BULKHEAD_BENCH_STARTUP_H
#define BULKHEAD_BENCH_STARTUP_H

#include <linux/types.h>

/* Datagrams carry 20000 + the pod's number as their destination port and one of these as their source port. */
#define BENCH_FIRST_PORT 20000
#define BENCH_MOST_PODS 4096
#define BENCH_TO_POD 7001   /* a stranger's, to the pod */
#define BENCH_FROM_POD 7002 /* the pod's, to a resource that isn't its tenant's */

/* A pod's veth on the node, by its interface number. */
struct bench_veth {
    __u64 announced;   /* the first RTM_NEWLINK */
    __u64 up;          /* the first one that says up */
    __u64 filters[2];  /* the agent's filter for egress (to the pod), for ingress */
    __u64 relieved[2]; /* likewise, its going: by tcx a filter only stands in until the link is there */
};

/* What got through of what must not. */
struct bench_passed {
    __u64 first, last;
    __u64 packets;
    __u64 late; /* of them, when the pod's process had started */
};

#endif
