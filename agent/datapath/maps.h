// SPDX-License-Identifier: Apache-2.0
//
// The programs' maps as the agent uses them: typed descriptors, valid for as long as this lives. What
// is in them stands in bulkhead/abi.h; how large they are, in Sizes.
#pragma once

#include "bulkhead/abi.h"
#include "bulkhead/untold.h"
#include "datapath/map.h"

namespace bulkhead::datapath {

struct Sizes {
    uint32_t endpoints = 262144; // of each family
    uint32_t prefixes = 65536;   // of each family
    uint32_t identities = 65536; // and as many tenants
    uint32_t openings = 65536;   // blocks
    uint32_t pods = 1024;        // guarded pods on this node, slot 0 included
    uint32_t flow_sets = 4096;   // per pod, of 256 bytes; a power of two, BH_FLOW_WAYS entries each
    uint32_t events_bytes = 1u << 20;
};

struct Maps {
    Map<uint32_t, bh_endpoint> endpoints4; // key in network order
    Map<bh_addr, bh_endpoint> endpoints6;
    Map<bh_prefix4, uint32_t> prefixes4;
    Map<bh_prefix6, uint32_t> prefixes6;
    Map<uint32_t, bh_identity> identities;
    Map<uint32_t, bh_tenant_name> tenants;
    Map<uint32_t, bh_interface> interfaces;
    Map<uint32_t, bh_pod> pods;
    Map<bh_opening_key, bh_openings> openings;
    Map<uint32_t, bh_override> overrides;
    Map<uint32_t, uint32_t> flows; // value: descriptor of the inner map when written, its id when read
    PerCpuArray<bh_counter> counters;
    PerCpuArray<uint64_t> statistics;
    Map<uint32_t, uint32_t> events; // ring buffer: see events.h
    Map<bh_untold_key, bh_event> untold;
    Map<uint32_t, bh_control> control;
    Map<uint32_t, uint64_t> flow_seed; // one element; outlives the agent together with the flows

    uint32_t flow_sets = 0; // of each pod's own table
};

/// The loaded programs, in the order in which they are attached; the last four only the agent runs.
struct Programs {
    Fd to_pod;
    Fd from_pod;
    Fd uplink;
    Fd clock;
    Fd adopt;
    Fd tell_rest;
    Fd recollect;
};

} // namespace bulkhead::datapath
