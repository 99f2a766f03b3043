// SPDX-License-Identifier: Apache-2.0
#include "datapath/clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>

namespace bulkhead::datapath {

namespace {

constexpr uint32_t kPriority = 1;
constexpr uint32_t kSequenceBits = 6; // of a handle: tag, hook (2 bits), sequence
constexpr uint32_t kSequenceMask = (1u << kSequenceBits) - 1;

bpf_tc_hook hook_at(uint32_t ifindex, Side side) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = side == Side::kIngress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
    return hook;
}

bpf_tc_hook whole_qdisc(uint32_t ifindex) {
    bpf_tc_hook hook = hook_at(ifindex, Side::kIngress);
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    return hook;
}

bpf_tc_opts options(uint32_t handle) {
    bpf_tc_opts opts{};
    opts.sz = sizeof(opts);
    opts.handle = handle;
    opts.priority = kPriority;
    return opts;
}

std::string place(uint32_t ifindex, Hook hook) {
    return std::string(name_of(hook)) + " on interface " + std::to_string(ifindex);
}

std::string adding_to(uint32_t ifindex) {
    return "add a clsact qdisc to interface " + std::to_string(ifindex);
}

tl::unexpected<Error> is_ingress(uint32_t ifindex) {
    return fail(adding_to(ifindex) + ": an ingress qdisc is in its place, which judges nothing on egress");
}

/// As libbpf calls a filter: "bh_to_pod:[17]".
std::string name_of_program(int fd) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_prog_get_info_by_fd(fd, &info, &size) != 0) return "bh_";
    return std::string(info.name) + ":[" + std::to_string(info.id) + "]";
}

Result<> add_filter(uint32_t ifindex, Hook hook, uint32_t handle, int program_fd, bool replace) {
    bpf_tc_hook where = hook_at(ifindex, side_of(hook));
    bpf_tc_opts opts = options(handle);
    opts.prog_fd = program_fd;
    opts.flags = replace ? BPF_TC_F_REPLACE : 0;
    if (int error = -bpf_tc_attach(&where, &opts)) return fail("add the tc filter " + place(ifindex, hook), error);
    return {};
}

} // namespace

bool Clsact::is_ours(const TcFilter& filter, Hook hook) const {
    return filter.kind == "bpf" && filter.priority == kPriority &&
           (filter.handle & ~kSequenceMask) == handle(hook, 0) && filter.program.starts_with("bh_");
}

uint32_t Clsact::handle(Hook hook, uint32_t sequence) const {
    return tag_ << 8 | static_cast<uint32_t>(hook) << kSequenceBits | (sequence & kSequenceMask);
}

Result<Clsact::Made> Clsact::install(uint32_t ifindex, std::span<const Part> parts) const {
    const auto kind = kind_of_qdisc(ifindex);
    if (!kind) return within(adding_to(ifindex), kind.error());
    if (*kind == "ingress") return is_ingress(ifindex);
    return kind->empty() ? install_at_once(ifindex, parts) : Made::kNothing;
}

Result<Clsact::Made> Clsact::install_at_once(uint32_t ifindex, std::span<const Part> parts) const {
    std::vector<NewFilter> filters;
    for (const auto& [hook, program_fd] : parts)
        filters.push_back({.side = side_of(hook),
                           .priority = kPriority,
                           .handle = handle(hook, 1),
                           .program_fd = program_fd,
                           .program = name_of_program(program_fd)});
    const auto installed = datapath::install(ifindex, filters);
    if (!installed) return tl::unexpected(installed.error());
    if (installed->complete()) return Made::kAll;
    if (installed->qdisc == ENOENT)
        return fail(adding_to(ifindex) + ": this kernel has none (module sch_ingress)", EOPNOTSUPP);
    if (installed->qdisc == EEXIST) return beside(ifindex, filters, *installed);
    if (installed->qdisc != 0) return fail(adding_to(ifindex), installed->qdisc);
    return Made::kQdisc;
}

/// What was added beside somebody's is the first there already; where that is no clsact qdisc it must go.
Result<Clsact::Made> Clsact::beside(uint32_t ifindex, const std::vector<NewFilter>& filters,
                                    const Installed& installed) {
    const auto kind = kind_of_qdisc(ifindex);
    if (!kind) return within(adding_to(ifindex), kind.error());
    if (*kind != "ingress") return Made::kNothing;
    for (size_t i = 0; i < filters.size(); ++i) {
        if (installed.filters[i] != 0) continue;
        bpf_tc_hook where = hook_at(ifindex, filters[i].side);
        const bpf_tc_opts opts = options(filters[i].handle);
        bpf_tc_detach(&where, &opts);
    }
    return is_ingress(ifindex);
}

Result<bool> Clsact::remove_empty_qdisc(uint32_t ifindex) const {
    for (const Side side : kSides) {
        const auto filters = list_filters(ifindex, side);
        if (!filters) return tl::unexpected(filters.error());
        if (!filters->empty()) return false;
    }
    bpf_tc_hook hook = whole_qdisc(ifindex);
    const int error = -bpf_tc_hook_destroy(&hook);
    if (error == ENOENT || error == EINVAL) return false; // there is none
    if (error != 0) return fail("remove the clsact qdisc of interface " + std::to_string(ifindex), error);
    return true;
}

Result<> Clsact::attach(uint32_t ifindex, Hook hook, int program_fd) const {
    const auto filters = list_filters(ifindex, side_of(hook));
    if (!filters) return tl::unexpected(filters.error());
    const auto ours = std::ranges::find_if(*filters, [&](const TcFilter& each) { return is_ours(each, hook); });
    const bool first = ours == filters->begin() && ours != filters->end();
    uint32_t chosen = handle(hook, 1);
    if (ours != filters->end()) chosen = first ? ours->handle : handle(hook, ours->handle + 1);
    if (auto added = add_filter(ifindex, hook, chosen, program_fd, first); !added) return added;
    if (auto removed = remove_except(ifindex, hook, *filters, chosen); !removed) return tl::unexpected(removed.error());
    return {};
}

bool Clsact::is_ours(const TcFilter& filter) const {
    return std::ranges::any_of(kHooks, [&](const Hook hook) { return is_ours(filter, hook); });
}

Result<int> Clsact::remove_except(uint32_t ifindex, Hook hook, const std::vector<TcFilter>& filters,
                                  uint32_t keep) const {
    int removed = 0;
    for (const TcFilter& filter : filters) {
        if (!is_ours(filter, hook) || filter.handle == keep) continue;
        bpf_tc_hook where = hook_at(ifindex, side_of(hook));
        const bpf_tc_opts opts = options(filter.handle);
        const int error = -bpf_tc_detach(&where, &opts);
        if (error != 0 && error != ENOENT) return fail("remove the tc filter " + place(ifindex, hook), error);
        removed++;
    }
    return removed;
}

/// Tags have the top bit, which nobody else's small numbers have; see PinDir::tag().
Result<int> Clsact::detach_all(uint32_t ifindex) {
    int removed = 0;
    for (const Hook hook : kHooks) {
        const auto filters = list_filters(ifindex, side_of(hook));
        if (!filters) return tl::unexpected(filters.error());
        for (const TcFilter& filter : *filters) {
            const Clsact owner(filter.handle >> 8);
            if ((filter.handle >> 31) == 0 || !owner.is_ours(filter, hook)) continue;
            const auto gone = owner.detach(ifindex, hook);
            if (!gone) return gone;
            removed += *gone;
        }
    }
    return removed;
}

Result<int> Clsact::detach(uint32_t ifindex, Hook hook) const {
    const auto filters = list_filters(ifindex, side_of(hook));
    if (!filters) return tl::unexpected(filters.error());
    return remove_except(ifindex, hook, *filters, 0);
}

Result<Attachment> Clsact::query(uint32_t ifindex, Hook hook) const {
    const auto filters = list_filters(ifindex, side_of(hook));
    if (!filters) return tl::unexpected(filters.error());
    const auto ours = std::ranges::find_if(*filters, [&](const TcFilter& each) { return is_ours(each, hook); });
    if (ours == filters->end()) return Attachment{};
    return Attachment{.attached = true, .first = ours == filters->begin()};
}

} // namespace bulkhead::datapath
