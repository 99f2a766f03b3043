// SPDX-License-Identifier: Apache-2.0
//
// Runs a program over many different packets and says what one costs: BPF_PROG_TEST_RUN of the replay
// program, which goes on with the program under test. Time is this thread's CPU time, so that being
// preempted doesn't count. One Stage for each set of maps; its packets are all programs' packets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "datapath/maps.h"
#include "datapath/test_run.h"
#include "replayer.h"

struct bench_floor;
struct ring_buffer;

namespace bulkhead::bench {

struct Destroy {
    void operator()(bench_floor* floor) const;
    void operator()(ring_buffer* ring) const;
};

class Stage {
public:
    /// A ring has one reader at a time.
    enum class Ring : uint8_t { kDrained, kLeft };

    /// `maps`: the floor program looks up in the same ones; the ring is drained from them.
    static Result<Stage> create(const datapath::Maps& maps, Ring ring = Ring::kDrained);

    int floor() const { return floor_fd_; }
    int nothing() const { return nothing_fd_; }

    /// BENCH_MAX_PACKETS at most. The next run begins with the first.
    void set_packets(std::span<const bench_packet> packets) { replayer_.set_packets(packets); }

    /// One packet, with the program's answer.
    Result<datapath::TestRun> run_one(int program, std::span<const std::byte> wire);

    /// Nanoseconds for each of `repeat` packets, the replay's own share included. Events are drained every
    /// `chunk` packets, unmeasured.
    Result<double> run(int program, std::span<const std::byte> wire, uint32_t repeat, uint32_t chunk);

    /// Nanoseconds of the empty program without any replay.
    Result<double> run_nothing(std::span<const std::byte> wire, uint32_t repeat);

private:
    explicit Stage(Replayer replayer) : replayer_(std::move(replayer)) {}
    void drain();
    Result<> calibrate();

    Replayer replayer_;
    std::unique_ptr<bench_floor, Destroy> floor_;
    std::unique_ptr<ring_buffer, Destroy> ring_;
    int floor_fd_ = -1;
    int nothing_fd_ = -1;
    double call_ns_ = 0; // what one test run costs whatever it repeats
};

} // namespace bulkhead::bench
