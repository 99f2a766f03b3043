// SPDX-License-Identifier: Apache-2.0
#include "datapath/jiffies.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <thread>

#include "datapath/test_run.h"

namespace bulkhead::datapath {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::array kPossibleHertz{100u, 250u, 300u, 1000u}; // kernel/Kconfig.hz
constexpr auto kSpan = std::chrono::milliseconds(60);
constexpr auto kSharp = std::chrono::microseconds(500); // an edge is known no worse than that
constexpr int kBluntEdges = 20;                         // after so many blunt ones (an emulated machine's) any will do
constexpr int kAttempts = 5;
constexpr double kTolerance = 0.05; // 250 and 300 lie 20 % apart

struct Tick {
    uint64_t jiffies = 0;
    Steady::time_point time;
};

Result<uint64_t> read_jiffies(int program) {
    constexpr std::array<std::byte, 64> packet{}; // the program looks at none of it
    const auto run = test_run(program, packet, {});
    if (!run) return within("read jiffies", run.error());
    const auto& told = run->context.cb;
    return uint64_t{told[0]} | uint64_t{told[1]} << 32;
}

/// The moment at which jiffies move on: a measurement from edge to edge has no rounding in it. An edge that
/// passed while we were kept waiting is none: a few milliseconds turn 250 Hz into 300, with no tolerance needed.
Result<Tick> next_tick(int program) {
    std::optional<Tick> last; // `time`: before it was read
    for (int edges = 0;;) {
        const auto before = Steady::now();
        const auto jiffies = read_jiffies(program);
        if (!jiffies) return tl::unexpected(jiffies.error());
        const auto now = Steady::now();
        const bool is_edge = last && last->jiffies != *jiffies;
        if (is_edge && (now - last->time <= kSharp || ++edges == kBluntEdges)) return Tick{*jiffies, now};
        last = Tick{*jiffies, before};
    }
}

Result<double> measure(int program) {
    const auto begin = next_tick(program);
    if (!begin) return tl::unexpected(begin.error());
    std::this_thread::sleep_for(kSpan);
    const auto end = next_tick(program);
    if (!end) return tl::unexpected(end.error());
    const std::chrono::duration<double> elapsed = end->time - begin->time;
    return static_cast<double>(end->jiffies - begin->jiffies) / elapsed.count();
}

double distance(double measured, uint32_t hertz) {
    return std::abs(measured / hertz - 1);
}

uint32_t nearest(double measured) {
    return *std::ranges::min_element(kPossibleHertz, {}, [&](uint32_t hertz) { return distance(measured, hertz); });
}

} // namespace

uint64_t Moment::jiffies_at(Deadline time) const {
    const std::chrono::duration<double> ahead = time - std::chrono::floor<Deadline::duration>(wall);
    const double ticks = std::ceil(ahead.count() * hertz);
    if (ticks < 0 && -ticks >= static_cast<double>(jiffies)) return 1;
    return std::max<uint64_t>(1, jiffies + static_cast<uint64_t>(static_cast<int64_t>(ticks)));
}

bool Moment::same_date(uint64_t a, uint64_t b) const {
    constexpr uint64_t kSlack = 2; // seconds
    if (a == 0 || b == 0) return a == b;
    return (a > b ? a - b : b - a) <= kSlack * hertz;
}

Result<JiffiesClock> JiffiesClock::calibrate(int clock_program) {
    double best = 0;
    for (int attempt = 0; attempt < kAttempts; attempt++) {
        const auto measured = measure(clock_program);
        if (!measured) return tl::unexpected(measured.error());
        if (best == 0 || distance(*measured, nearest(*measured)) < distance(best, nearest(best))) best = *measured;
        if (distance(best, nearest(best)) <= kTolerance) break; // else a busy machine delayed us: again
    }
    return JiffiesClock(clock_program, nearest(best));
}

Result<Moment> JiffiesClock::now() const {
    const auto jiffies = read_jiffies(program_);
    if (!jiffies) return tl::unexpected(jiffies.error());
    return Moment{*jiffies, hertz_, std::chrono::system_clock::now()};
}

} // namespace bulkhead::datapath
