/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps. The agent writes them and sets their sizes before load; the programs only read, but for
 * flows, fragments, counters, statistics, limiter, told, untold and events. include/bulkhead/abi.h says what is
 * in them.
 */
#ifndef BULKHEAD_BPF_MAPS_H
#define BULKHEAD_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bulkhead/abi.h"
#include "bulkhead/parse.h"
#include "bulkhead/untold.h"

const volatile struct bh_config bh_config = {};

/* When full: Protected resources, this node and its pods take the room of others; who has none is a stranger, and
 * nothing is granted to the world meanwhile. Reported, as for all that the agent writes; docs/operations.md. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, __u32);
	__type(value, struct bh_endpoint);
} endpoints4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct bh_addr);
	__type(value, struct bh_endpoint);
} endpoints6 SEC(".maps");

/* When full: the prefix is not in force; Protected ones take others' room. 5.10 refuses even updates then, hence the
 * slack. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct bh_prefix4);
	__type(value, __u32);
} prefixes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct bh_prefix6);
	__type(value, __u32);
} prefixes6 SEC(".maps");

/* By identity id. When full: the rows of who has none name a built-in identity that is as strict. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct bh_identity);
} identities SEC(".maps");

/* Only user space reads it: names that outlive the agent. When full, some don't. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct bh_tenant_name);
} tenants SEC(".maps");

/* Guarded veths. A veth that is guarded but not in here (when full, too) is judged as held, without addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct bh_interface);
} interfaces SEC(".maps");

/* By slot. When full: the veth is guarded without a row. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct bh_pod);
} pods SEC(".maps");

/* When full: the opening is not in force, which is the stricter side; reported. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct bh_opening_key);
	__type(value, struct bh_openings);
} openings SEC(".maps");

/* Few and short-lived. When full: the override is not in force; reported. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BH_MAX_OVERRIDES);
	__type(key, __u32);
	__type(value, struct bh_override);
} overrides SEC(".maps");

/* By slot; the agent puts a pod's table in before it names the slot. When a set is full: see bh_flow_rank(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1024);
	__type(key, __u32);
	/* clang-format off */
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(map_flags, BPF_F_INNER_MAP);
		__uint(max_entries, 1);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, sizeof(struct bh_flow_set));
	});
	/* clang-format on */
} flows SEC(".maps");

/* When full the oldest note goes, and later fragments of that packet are judged without ports. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct bh_fragment_key);
	__type(value, struct bh_fragment);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024 * 2 * BH_REASON_COUNT);
	__type(key, __u32);
	__type(value, struct bh_counter);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BH_STAT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} statistics SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bh_limiter);
} limiter SEC(".maps");

/* When a set is full: see told.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BH_TOLD_SETS);
	__type(key, __u32);
	__type(value, struct bh_told_set);
} told SEC(".maps");

/* The agent empties it each second. When full: who begins to talk to somebody meanwhile, and is in no event either,
 * isn't known to; see untold.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BH_UNTOLD_ROWS);
	__type(key, struct bh_untold_key);
	__type(value, struct bh_event);
} untold SEC(".maps");

/* When full: the event is lost and counted; untold has a part of it; nothing else suffers. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bh_control);
} control SEC(".maps");

#endif
