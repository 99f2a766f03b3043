// SPDX-License-Identifier: Apache-2.0
#include "agent_bench.h"

#include <bpf/bpf.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent_process.h"
#include "datapath/maps.h"
#include "directory.h"
#include "work_place.h"

namespace bulkhead::bench {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Endpoints = Map<uint32_t, bh_endpoint>;

constexpr double kStartSeconds = 5, kChangeMilliseconds = 5;
constexpr std::chrono::milliseconds kPause{20}; // between changes: pods don't come in a row
constexpr std::chrono::seconds kPatience{60};

/// What a cluster of that size may take.
double allowed_megabytes(uint32_t pods) {
    return pods <= 10000 ? 40 : 100;
}

struct Numbers {
    uint32_t pods = 0;
    double start_seconds = 0;
    double resident_megabytes = 0;
    double change_median_ms = 0;
    double change_p99_ms = 0;

    bool met() const {
        return start_seconds < kStartSeconds && resident_megabytes < allowed_megabytes(pods) &&
               change_p99_ms < kChangeMilliseconds;
    }
};

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

Result<Endpoints> open_endpoints(const fs::path& pin_dir) {
    Fd fd(bpf_obj_get((pin_dir / "maps" / "endpoints4").c_str()));
    if (!fd.valid()) return fail("open the pinned endpoints", errno);
    return Endpoints(std::move(fd), "endpoints4", 0);
}

/// Ready must mean that they are there.
Result<> check_all_there(const Endpoints& endpoints, uint32_t pods) {
    for (uint32_t pod = 0; pod < pods; ++pod)
        if (!endpoints.find(Directory::address_of(pod).raw4()))
            return fail("the agent is ready, but " + Directory::address_of(pod).text() + " is not in the kernel");
    return {};
}

/// Milliseconds from each rename of the pod's file to its new address in the kernel, sorted.
Result<std::vector<double>> time_changes(const Directory& directory, const Endpoints& endpoints, uint32_t pods,
                                         uint32_t changes) {
    std::vector<double> took;
    for (uint32_t i = 0; i < changes; ++i) {
        const Address address = Directory::address_of(pods + i);
        const auto begin = Clock::now();
        if (auto moved = directory.move_the_pod(address); !moved) return tl::unexpected(moved.error());
        while (!endpoints.find(address.raw4()))
            if (Clock::now() - begin > kPatience) return fail("change a pod: it never reached the kernel");
        took.push_back(milliseconds_since(begin));
        std::this_thread::sleep_for(kPause);
    }
    std::ranges::sort(took);
    return took;
}

Result<Numbers> measure(const AgentOptions& options, uint32_t pods) {
    const auto place = WorkPlace::create();
    if (!place) return tl::unexpected(place.error());
    const AgentProcess::Settings settings{.binary = options.binary,
                                          .source = place->path("manifests"),
                                          .pin_dir = place->bpffs() / "bulkhead",
                                          .work = place->path("agent")};
    const auto directory = Directory::write(settings.source, pods);
    if (!directory) return tl::unexpected(directory.error());
    if (auto isolated = isolate(place->bpffs()); !isolated) return tl::unexpected(isolated.error());

    const auto begin = Clock::now();
    const auto agent = AgentProcess::start(settings);
    if (!agent) return tl::unexpected(agent.error());
    if (auto ready = agent->wait_until_ready(kPatience); !ready) return tl::unexpected(ready.error());
    Numbers numbers{.pods = pods, .start_seconds = milliseconds_since(begin) / 1000};
    const auto endpoints = open_endpoints(settings.pin_dir);
    if (!endpoints) return tl::unexpected(endpoints.error());
    if (auto there = check_all_there(*endpoints, pods); !there) return tl::unexpected(there.error());
    const auto changes = time_changes(*directory, *endpoints, pods, options.changes);
    if (!changes) return tl::unexpected(changes.error());
    numbers.change_median_ms = (*changes)[changes->size() / 2];
    numbers.change_p99_ms = (*changes)[changes->size() * 99 / 100];
    const auto resident = agent->resident_bytes();
    if (!resident) return tl::unexpected(resident.error());
    numbers.resident_megabytes = static_cast<double>(*resident) / 1e6;
    return numbers;
}

void print(const Numbers& numbers) {
    fmt::print("{:>8} pods: in the kernel after {:.2f} s (< {}), {:.0f} MB resident (< {}), one changed pod {:.2f} ms, "
               "p99 {:.2f} ms (< {})  {}\n",
               numbers.pods, numbers.start_seconds, kStartSeconds, numbers.resident_megabytes,
               allowed_megabytes(numbers.pods), numbers.change_median_ms, numbers.change_p99_ms, kChangeMilliseconds,
               numbers.met() ? "ok" : "missed");
}

Result<> write_json(const std::vector<Numbers>& all, const std::string& path) {
    nlohmann::json json = nlohmann::json::array();
    for (const Numbers& numbers : all)
        json.push_back({{"pods", numbers.pods},
                        {"start_seconds", numbers.start_seconds},
                        {"resident_megabytes", numbers.resident_megabytes},
                        {"change_median_ms", numbers.change_median_ms},
                        {"change_p99_ms", numbers.change_p99_ms},
                        {"met", numbers.met()}});
    std::ofstream file(path);
    file << json.dump(2) << '\n';
    if (!file.flush()) return fail("write " + path, errno);
    return {};
}

} // namespace

Result<bool> measure_agent(const AgentOptions& options) {
    std::vector<Numbers> all;
    for (const uint32_t pods : options.pods) {
        const auto numbers = measure(options, pods);
        if (!numbers) return tl::unexpected(numbers.error());
        print(*numbers);
        all.push_back(*numbers);
    }
    if (!options.json.empty())
        if (auto written = write_json(all, options.json); !written) return tl::unexpected(written.error());
    return std::ranges::all_of(all, [](const Numbers& numbers) { return numbers.met(); });
}

} // namespace bulkhead::bench
