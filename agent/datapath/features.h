// SPDX-License-Identifier: Apache-2.0
//
// What this kernel can do and what we may do. One list: the names in `bulkheadctl status` and in the log, and what a
// start refuses to go without. Pure; probe.h finds out.
#pragma once

#include <array>
#include <string>

#include "base/result.h"

namespace bulkhead::datapath {

struct Features {
    bool load = false;          // we may load programs
    bool perfmon = false;       // they may compute with packet pointers (CAP_PERFMON), as ours do
    bool memory = false;        // maps may be larger than the 64 KiB of locked memory that old kernels start with
    bool ring_buffer = false;   // Linux 5.8
    bool jiffies64 = false;     // bpf_jiffies64(), Linux 5.5
    bool bounded_loops = false; // Linux 5.3
    bool inner_maps = false;    // of different sizes in one map, Linux 5.10
    bool btf = false;           // it tells its own types, and where checksums will be written with them
    bool kernel_reads = false;  // programs may look at that (not with lockdown=confidentiality)
    bool tcx = false;           // Linux 6.6; else clsact
    bool clsact = false;        // with filters that are BPF programs; true also where that couldn't be tried
};

enum class Lack : uint8_t {
    kHarmless,
    kForbidden, // somebody has to give us a right
    kUnfit,     // another kernel is needed
};

struct Feature {
    const char* name; // an interface, as JSON's field names are
    bool Features::*present;
    Lack lack;
};

inline constexpr std::array<Feature, 11> kFeatures{{
    {"capBpf", &Features::load, Lack::kForbidden},
    {"capPerfmon", &Features::perfmon, Lack::kForbidden},
    {"memlock", &Features::memory, Lack::kForbidden},
    {"ringBuffer", &Features::ring_buffer, Lack::kUnfit},
    {"jiffies64", &Features::jiffies64, Lack::kUnfit},
    {"boundedLoops", &Features::bounded_loops, Lack::kUnfit},
    {"innerMaps", &Features::inner_maps, Lack::kUnfit},
    {"btf", &Features::btf, Lack::kHarmless},
    {"kernelReads", &Features::kernel_reads, Lack::kHarmless},
    {"tcx", &Features::tcx, Lack::kHarmless},
    {"clsact", &Features::clsact, Lack::kHarmless},
}};

/// Is everything there that we can't do without? If not, one sentence: what is missing and what would give it. Its
/// code is EPERM where we lack a right, EOPNOTSUPP where the kernel lacks something. `release` is uname -r's.
Result<> check(const Features& features, const std::string& release);

/// "capBpf, memlock, ...": those that are there, or those that aren't; "none" if so.
std::string names_of(const Features& features, bool present);

} // namespace bulkhead::datapath
