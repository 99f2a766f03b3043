// SPDX-License-Identifier: Apache-2.0
//
// The kernel's clock of deadlines. What has an end date carries it into the kernel's row as jiffies64,
// because reading those costs the programs nothing; people write wall-clock time. The translation is
// made anew whenever a row is written, so a stepped wall clock is followed.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"

namespace bulkhead::datapath {

using WallTime = std::chrono::system_clock::time_point;
/// For any date that people write: nanoseconds would end in 2262.
using Deadline = std::chrono::sys_time<std::chrono::milliseconds>;

/// The two clocks at one moment.
struct Moment {
    uint64_t jiffies = 0;
    uint32_t hertz = 0; // jiffies per second
    WallTime wall;

    /// Never 0, which means "no end" in the kernel's rows; what lies before the boot is long over.
    uint64_t jiffies_at(Deadline time) const;

    /// Whether both may be one date, translated at two moments.
    bool same_date(uint64_t a, uint64_t b) const;
};

/// Reads jiffies64 through the program bh_clock, since no file shows them.
class JiffiesClock {
public:
    /// Measures HZ; takes some 60 ms. The program's descriptor must outlive the clock.
    static Result<JiffiesClock> calibrate(int clock_program);

    Result<Moment> now() const;
    uint32_t hertz() const { return hertz_; }

private:
    JiffiesClock(int program, uint32_t hertz) : program_(program), hertz_(hertz) {}

    int program_;
    uint32_t hertz_;
};

} // namespace bulkhead::datapath
