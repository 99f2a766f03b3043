// SPDX-License-Identifier: Apache-2.0
//
// What the kernel itself notes of pods' starts: see startup.bpf.c. Any thread.
#pragma once

#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "startup.h"

struct bench_startup;

namespace bulkhead::bench {

enum class Direction : uint8_t { kToPod, kFromPod };

class StartupWatch {
public:
    /// Of the network namespace in which the thread is.
    static Result<StartupWatch> attach();

    /// Counts what comes in by this device of the thread's network namespace.
    Result<> witness(uint32_t ifindex, Direction direction) const;

    bench_veth veth(uint32_t ifindex) const;
    bench_passed passed(uint32_t pod, Direction direction) const;
    void start_process(uint32_t pod) const; // now
    uint64_t started(uint32_t pod) const;

private:
    struct Close {
        void operator()(bench_startup* object) const;
    };
    StartupWatch(std::unique_ptr<bench_startup, Close> object, Fd news)
        : object_(std::move(object)), news_(std::move(news)) {}
    std::unique_ptr<bench_startup, Close> object_;
    Fd news_;
};

} // namespace bulkhead::bench
