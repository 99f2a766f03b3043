// SPDX-License-Identifier: Apache-2.0
#include "startup_watch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <ctime>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#include "bench_startup.skel.h"
#pragma GCC diagnostic pop

namespace bulkhead::bench {

namespace {

uint64_t monotonic_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

} // namespace

void StartupWatch::Close::operator()(bench_startup* object) const {
    bench_startup__destroy(object);
}

Result<StartupWatch> StartupWatch::attach() {
    std::unique_ptr<bench_startup, Close> object(bench_startup__open_and_load());
    if (!object) return fail("load the programs that watch the kernel", errno);
    Fd news(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    const int filter = bpf_program__fd(object->progs.bench_news);
    if (!news.valid() || setsockopt(news.get(), SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof filter) != 0)
        return fail("watch rtnetlink", errno);
    const sockaddr_nl groups{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = RTMGRP_LINK | RTMGRP_TC};
    if (bind(news.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0)
        return fail("watch rtnetlink", errno);
    return StartupWatch(std::move(object), std::move(news));
}

/// By clsact: a link would hold the lock that everything here waits for.
Result<> StartupWatch::witness(uint32_t ifindex, Direction direction) const {
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = BPF_TC_INGRESS;
    if (const int error = -bpf_tc_hook_create(&hook)) return fail("add a witness' qdisc", error);
    bpf_tc_opts options{};
    options.sz = sizeof options;
    options.handle = 1;
    options.priority = 1;
    const auto& programs = object_->progs;
    options.prog_fd =
        bpf_program__fd(direction == Direction::kToPod ? programs.bench_at_pod : programs.bench_at_resource);
    if (const int error = -bpf_tc_attach(&hook, &options)) return fail("add a witness", error);
    return {};
}

bench_veth StartupWatch::veth(uint32_t ifindex) const {
    bench_veth veth{};
    bpf_map_lookup_elem(bpf_map__fd(object_->maps.veths), &ifindex, &veth);
    return veth;
}

bench_passed StartupWatch::passed(uint32_t pod, Direction direction) const {
    bench_passed passed{};
    const uint32_t key = 2 * pod + static_cast<uint32_t>(direction);
    bpf_map_lookup_elem(bpf_map__fd(object_->maps.passed), &key, &passed);
    return passed;
}

uint64_t StartupWatch::started(uint32_t pod) const {
    uint64_t moment = 0;
    bpf_map_lookup_elem(bpf_map__fd(object_->maps.started), &pod, &moment);
    return moment;
}

void StartupWatch::start_process(uint32_t pod) const {
    const uint64_t now = monotonic_nanoseconds();
    bpf_map_update_elem(bpf_map__fd(object_->maps.started), &pod, &now, BPF_ANY);
}

} // namespace bulkhead::bench
