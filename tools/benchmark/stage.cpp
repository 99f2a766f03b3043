// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <ctime>

#include "bench_floor.skel.h"
#include "wire.h"

namespace bulkhead::bench {

namespace {

double cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

Result<double> timed(int program, std::span<const std::byte> wire, uint32_t repeat) {
    const double begin = cpu_ns();
    const auto ran = datapath::test_run(program, wire, {}, static_cast<int>(repeat));
    const double end = cpu_ns();
    if (!ran) return tl::unexpected(ran.error());
    return end - begin;
}

int discard(void* /*context*/, void* /*event*/, size_t /*size*/) {
    return 0;
}

} // namespace

void Destroy::operator()(bench_floor* floor) const {
    bench_floor::destroy(floor);
}
void Destroy::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

Result<Stage> Stage::create(const datapath::Maps& maps, Ring ring) {
    auto replayer = Replayer::create();
    if (!replayer) return tl::unexpected(replayer.error());
    Stage stage(std::move(*replayer));
    stage.floor_.reset(bench_floor::open());
    if (!stage.floor_) return fail("open the floor program", errno);
    const std::pair<bpf_map*, int> shared[] = {{stage.floor_->maps.endpoints4, maps.endpoints4.fd()},
                                               {stage.floor_->maps.endpoints6, maps.endpoints6.fd()},
                                               {stage.floor_->maps.interfaces, maps.interfaces.fd()}};
    for (const auto& [map, fd] : shared)
        if (int error = -bpf_map__reuse_fd(map, fd)) return fail("share a map with the floor program", error);
    if (int error = -bench_floor::load(stage.floor_.get())) return fail("load the floor program", error);
    if (ring == Ring::kDrained) stage.ring_.reset(ring_buffer__new(maps.events.fd(), discard, nullptr, nullptr));
    if (ring == Ring::kDrained && !stage.ring_) return fail("read the events", errno);
    stage.floor_fd_ = bpf_program__fd(stage.floor_->progs.bench_floor);
    stage.nothing_fd_ = bpf_program__fd(stage.floor_->progs.bench_nothing);
    if (auto calibrated = stage.calibrate(); !calibrated) return tl::unexpected(calibrated.error());
    return stage;
}

Result<> Stage::calibrate() {
    const auto wire = Wire{.family = BH_IPV4, .protocol = BH_TCP, .tcp_flags = 0}.bytes();
    std::vector<double> calls(301);
    for (double& call : calls) {
        const auto took = timed(nothing_fd_, wire, 1);
        if (!took) return tl::unexpected(took.error());
        call = *took;
    }
    std::ranges::sort(calls);
    call_ns_ = calls[calls.size() / 2];
    return {};
}

void Stage::drain() {
    if (ring_) ring_buffer__consume(ring_.get());
}

Result<datapath::TestRun> Stage::run_one(int program, std::span<const std::byte> wire) {
    if (auto aimed = replayer_.aim(program); !aimed) return tl::unexpected(aimed.error());
    auto ran = datapath::test_run(replayer_.fd(), wire, {});
    drain();
    return ran;
}

Result<double> Stage::run(int program, std::span<const std::byte> wire, uint32_t repeat, uint32_t chunk) {
    double total = 0;
    if (auto aimed = replayer_.aim(program); !aimed) return tl::unexpected(aimed.error());
    for (uint32_t left = repeat; left > 0;) {
        const uint32_t now = std::min(left, chunk);
        const auto took = timed(replayer_.fd(), wire, now);
        if (!took) return took;
        total += *took - call_ns_;
        left -= now;
        drain();
    }
    return total / repeat;
}

Result<double> Stage::run_nothing(std::span<const std::byte> wire, uint32_t repeat) {
    const auto took = timed(nothing_fd_, wire, repeat);
    if (!took) return took;
    return (*took - call_ns_) / repeat;
}

} // namespace bulkhead::bench
