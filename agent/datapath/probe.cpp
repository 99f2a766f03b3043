// SPDX-License-Identifier: Apache-2.0
#include "datapath/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <span>
#include <thread>

#include "base/fd.h"

namespace bulkhead::datapath {

namespace {

constexpr uint32_t kLargeMap = 2u << 20; // entries of 8 bytes: more than any default limit on locked memory
constexpr int kLoopback = 1;             // its index, in every network namespace
constexpr const char* kName = "bh_probe";

/// On register 0, the only one that most of these programs know.
constexpr bpf_insn instruction(int code, int32_t number = 0, int16_t jump = 0) {
    return {.code = static_cast<uint8_t>(code), .dst_reg = 0, .src_reg = 0, .off = jump, .imm = number};
}

/// "Continue with the next program": what an empty tc program says.
constexpr bpf_insn kEmpty[] = {
    instruction(BPF_ALU64 | BPF_MOV | BPF_K, -1),
    instruction(BPF_JMP | BPF_EXIT),
};

constexpr bpf_insn kAsksForJiffies[] = {
    instruction(BPF_JMP | BPF_CALL, BPF_FUNC_jiffies64),
    instruction(BPF_JMP | BPF_EXIT),
};

constexpr bpf_insn kCountsToEight[] = {
    instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0),
    instruction(BPF_ALU64 | BPF_ADD | BPF_K, 1),
    instruction(BPF_JMP | BPF_JLT | BPF_K, 8, -2),
    instruction(BPF_JMP | BPF_EXIT),
};

constexpr int kLoadWord = BPF_LDX | BPF_MEM | BPF_W;

/// Which only those may do who may also see kernel addresses.
constexpr bpf_insn kSubtractsPointers[] = {
    {.code = kLoadWord, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1, .off = offsetof(__sk_buff, data), .imm = 0},
    {.code = kLoadWord, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_1, .off = offsetof(__sk_buff, data_end), .imm = 0},
    {.code = BPF_ALU64 | BPF_SUB | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_2, .off = 0, .imm = 0},
    instruction(BPF_ALU64 | BPF_MOV | BPF_K, -1),
    instruction(BPF_JMP | BPF_EXIT),
};

/// One byte of its own context, onto its stack.
constexpr bpf_insn kReadsTheKernel[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_1, .off = 0, .imm = 0},
    {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10, .off = 0, .imm = 0},
    {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .src_reg = 0, .off = 0, .imm = -8},
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .src_reg = 0, .off = 0, .imm = 1},
    instruction(BPF_JMP | BPF_CALL, BPF_FUNC_probe_read_kernel),
    instruction(BPF_ALU64 | BPF_MOV | BPF_K, -1),
    instruction(BPF_JMP | BPF_EXIT),
};

Fd load(std::span<const bpf_insn> program) {
    return Fd(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, kName, "GPL", program.data(), program.size(), nullptr));
}

/// Of numbers of 64 bits: 5.10 takes no value of some megabytes, however much memory there is.
Fd create_array(uint32_t entries, uint32_t flags = 0) {
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = flags;
    return Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, kName, sizeof(uint32_t), sizeof(uint64_t), entries, &options));
}

void raise_memlock() {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited); // whether that was enough, the large map tells
}

Result<> try_large_map(Features& features) {
    features.memory = create_array(kLargeMap).valid();
    if (!features.memory && errno != EPERM) return fail("create a BPF map of 16 MiB", errno);
    return {};
}

bool has_ring_buffer() {
    const auto bytes = static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
    return Fd(bpf_map_create(BPF_MAP_TYPE_RINGBUF, kName, 0, 0, bytes, nullptr)).valid();
}

bool has_btf() {
    return Fd(open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC)).valid();
}

/// No device has this index. A kernel with tcx looks for it, one without refuses the attach type.
bool has_tcx(const Fd& program) {
    const Fd link(bpf_link_create(program.get(), INT_MAX, BPF_TCX_INGRESS, nullptr));
    return errno == ENODEV;
}

bool takes_filter(int ifindex, const Fd& program) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = ifindex;
    hook.attach_point = BPF_TC_INGRESS;
    bpf_tc_opts filter{};
    filter.sz = sizeof(filter);
    filter.prog_fd = program.get();
    return bpf_tc_hook_create(&hook) == 0 && bpf_tc_attach(&hook, &filter) == 0;
}

/// On the loopback device of a network namespace that ends with its thread. To make one takes CAP_SYS_ADMIN; who hasn't
/// that finds out with the first pod.
bool has_clsact(const Fd& program) {
    bool has = true;
    const auto print = libbpf_set_print(nullptr); // we say it ourselves
    std::thread([&] {
        if (unshare(CLONE_NEWNET) == 0) has = takes_filter(kLoopback, program);
    }).join();
    libbpf_set_print(print);
    return has;
}

Result<Features> try_everything() {
    raise_memlock();
    const Fd program = load(kEmpty);
    if (!program.valid() && errno == EPERM) return Features{};
    if (!program.valid())
        return tl::unexpected(
            Error{std::string("this kernel takes no BPF programs: ") + std::strerror(errno), EOPNOTSUPP});
    Features features;
    features.load = true;
    if (auto tried = try_large_map(features); !tried) return tl::unexpected(tried.error());
    if (!features.memory) return features; // whatever else is refused now may be for the same reason
    features.perfmon = load(kSubtractsPointers).valid();
    features.ring_buffer = has_ring_buffer();
    features.jiffies64 = load(kAsksForJiffies).valid();
    features.bounded_loops = load(kCountsToEight).valid();
    features.inner_maps = create_array(1, BPF_F_INNER_MAP).valid();
    features.btf = has_btf();
    features.kernel_reads = load(kReadsTheKernel).valid();
    features.tcx = has_tcx(program);
    features.clsact = has_clsact(program);
    return features;
}

} // namespace

Result<Features> probe_features() {
    const auto features = try_everything();
    if (!features) return features;
    if (auto enough = check(*features, kernel_release()); !enough) return tl::unexpected(enough.error());
    return features;
}

std::string kernel_release() {
    utsname names{};
    return uname(&names) == 0 ? names.release : "";
}

} // namespace bulkhead::datapath
