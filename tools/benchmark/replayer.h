// SPDX-License-Identifier: Apache-2.0
//
// Runs a program over many different packets: BPF_PROG_TEST_RUN of the replay program, which makes the next packet and
// goes on with the program that it is aimed at. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "replay.h"

struct bench_replay;

namespace bulkhead::bench {

class Replayer {
public:
    static Result<Replayer> create();

    /// BENCH_MAX_PACKETS at most. The next run begins with the first.
    void set_packets(std::span<const bench_packet> packets);
    Result<> aim(int program);

    /// The replay program, to be run.
    int fd() const;

private:
    struct Destroy {
        void operator()(bench_replay* replay) const;
    };

    Replayer() = default;

    std::unique_ptr<bench_replay, Destroy> replay_;
};

} // namespace bulkhead::bench
