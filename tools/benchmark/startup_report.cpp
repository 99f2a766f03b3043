// SPDX-License-Identifier: Apache-2.0
#include "startup_report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace bulkhead::bench {

namespace {

constexpr double kRequired = 5; // milliseconds after RTM_NEWLINK

struct Spread {
    double median = 0, p99 = 0, max = 0;
};

Spread spread(std::vector<double> values) {
    if (values.empty()) return {};
    std::ranges::sort(values);
    const auto at = [&](double part) {
        return values[std::min(values.size() - 1, static_cast<size_t>(part * static_cast<double>(values.size())))];
    };
    return {.median = at(0.5), .p99 = at(0.99), .max = values.back()};
}

double milliseconds(uint64_t from, uint64_t to) {
    return (static_cast<double>(to) - static_cast<double>(from)) / 1e6;
}

/// From RTM_NEWLINK until the later of both moments.
template <typename Moments>
std::vector<double> delays(const StartupRow& row, Moments moments) {
    std::vector<double> values;
    for (const PodStart& pod : row.pods) {
        const auto* both = moments(pod);
        if (both[0] != 0 && both[1] != 0)
            values.push_back(milliseconds(pod.veth.announced, std::max(both[0], both[1])));
    }
    return values;
}

std::vector<double> until_guarded(const StartupRow& row) {
    return delays(row, [](const PodStart& pod) { return pod.veth.filters; });
}

std::vector<double> until_process(const StartupRow& row) {
    std::vector<double> values;
    for (const PodStart& pod : row.pods)
        values.push_back(milliseconds(pod.veth.announced, pod.started));
    return values;
}

/// What got through in one direction.
struct Through {
    uint64_t pods = 0, packets = 0, late = 0;
    std::vector<double> last; // of those pods, milliseconds after RTM_NEWLINK
};

Through through(const StartupRow& row, bench_passed PodStart::*direction) {
    Through sum;
    for (const PodStart& pod : row.pods) {
        const bench_passed& passed = pod.*direction;
        if (passed.packets == 0) continue;
        ++sum.pods;
        sum.packets += passed.packets;
        sum.late += passed.late;
        sum.last.push_back(milliseconds(pod.veth.announced, passed.last));
    }
    return sum;
}

nlohmann::json to_json(const Spread& spread) {
    return {{"median", spread.median}, {"p99", spread.p99}, {"max", spread.max}};
}

nlohmann::json to_json(const Through& through) {
    return {{"pods", through.pods},
            {"packets", through.packets},
            {"packets_after_process_start", through.late},
            {"last_ms_after_newlink", to_json(spread(through.last))}};
}

uint64_t guarded_before_process(const StartupRow& row) {
    return static_cast<uint64_t>(std::ranges::count_if(row.pods, [](const PodStart& pod) {
        return pod.guarded() && std::max(pod.veth.filters[0], pod.veth.filters[1]) < pod.started;
    }));
}

void print(const char* what, const Through& through) {
    const Spread last = spread(through.last);
    fmt::print("    {}: {} packets of {} pods got through, {} after that; the last at {:.2f} ms "
               "(median), {:.2f} (p99), {:.2f} (most)\n",
               what, through.packets, through.pods, through.late, last.median, last.p99, last.max);
}

} // namespace

/// With the gate nothing reaches a process or comes from one; without it nothing is later than 5 ms.
bool StartupRow::met() const {
    for (const auto direction : {&PodStart::to_pod, &PodStart::from_pod}) {
        const Through passed = through(*this, direction);
        if (variant.gate ? passed.late != 0 : !passed.last.empty() && std::ranges::max(passed.last) > kRequired)
            return false;
    }
    return true;
}

void print(const StartupRow& row) {
    const Spread guarded = spread(until_guarded(row));
    const Spread process = spread(until_process(row));
    fmt::print("{}, {}, {}: {} pods{}\n", row.variant.attach, row.variant.known ? "known" : "not known",
               row.variant.gate ? "gate" : "no gate", row.pods.size(), row.met() ? "" : "  MISSED");
    fmt::print("    guarded {:.2f} ms after RTM_NEWLINK (median), {:.2f} (p99), {:.2f} (most)\n", guarded.median,
               guarded.p99, guarded.max);
    fmt::print("    {} {:.2f} ms after it (median), {:.2f} (p99), {:.2f} (most); {} pods were guarded by then\n",
               row.variant.gate ? "the process starts" : "CNI ADD is done", process.median, process.p99, process.max,
               guarded_before_process(row));
    print("to the pod  ", through(row, &PodStart::to_pod));
    print("from the pod", through(row, &PodStart::from_pod));
}

nlohmann::json to_json(const StartupRow& row) {
    nlohmann::json json{{"attach", row.variant.attach},
                        {"pod_known", row.variant.known},
                        {"gate", row.variant.gate},
                        {"pods", row.pods.size()},
                        {"datagrams_per_second", row.datagrams_per_second},
                        {"guarded_ms_after_newlink", to_json(spread(until_guarded(row)))},
                        {"process_start_ms_after_newlink", to_json(spread(until_process(row)))},
                        {"guarded_before_process_start", guarded_before_process(row)},
                        {"to_pod", to_json(through(row, &PodStart::to_pod))},
                        {"from_pod", to_json(through(row, &PodStart::from_pod))},
                        {"met", row.met()}};
    const auto linked = delays(row, [](const PodStart& pod) { return pod.veth.relieved; });
    if (!linked.empty()) json["linked_ms_after_newlink"] = to_json(spread(linked));
    return json;
}

} // namespace bulkhead::bench
