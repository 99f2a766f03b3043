// SPDX-License-Identifier: Apache-2.0
#include "replayer.h"

#include <bpf/bpf.h>

#include <algorithm>

#include "bench_replay.skel.h"

namespace bulkhead::bench {

void Replayer::Destroy::operator()(bench_replay* replay) const {
    bench_replay::destroy(replay);
}

Result<Replayer> Replayer::create() {
    Replayer replayer;
    replayer.replay_.reset(bench_replay::open_and_load());
    if (!replayer.replay_) return fail("load the replay program", errno);
    return replayer;
}

void Replayer::set_packets(std::span<const bench_packet> packets) {
    const size_t count = std::min<size_t>(packets.size(), BENCH_MAX_PACKETS);
    std::copy_n(packets.begin(), count, replay_->bss->packets);
    replay_->bss->count = static_cast<uint32_t>(count);
    replay_->bss->next = 0;
}

Result<> Replayer::aim(int program) {
    const uint32_t zero = 0;
    if (bpf_map_update_elem(bpf_map__fd(replay_->maps.target), &zero, &program, BPF_ANY) != 0)
        return fail("aim the replay program", errno);
    return {};
}

int Replayer::fd() const {
    return bpf_program__fd(replay_->progs.bench_replay);
}

} // namespace bulkhead::bench
