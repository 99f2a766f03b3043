// SPDX-License-Identifier: Apache-2.0
#include "sets_bench.h"

#include <bpf/bpf.h>
#include <spdlog/fmt/fmt.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "agent_process.h"
#include "datapath/maps.h"
#include "directory.h"
#include "resource_sets.h"
#include "work_place.h"

namespace bulkhead::bench {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause{20}; // between changes
constexpr std::chrono::seconds kPatience{120};

const std::vector<ResourceSets> kSets{
    {.name = "none"},
    {.name = "one resource of 5,000 addresses", .addresses = 5000},
    {.name = "one resource of 1,000 CIDRs", .networks = 1000},
    {.name = "500 resources of an address and a CIDR", .resources = 500},
    {.name = "all of them", .addresses = 5000, .networks = 1000, .resources = 500},
};

struct Numbers {
    std::string name;
    double start_seconds = 0;
    double resident_megabytes = 0;
    double change_median_ms = 0;
    double change_p99_ms = 0;
    double change_cpu_ms = 0; // of all threads, which a busy machine doesn't lengthen much
    double load = 0;          // of the machine, before
};

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

/// What the kernel's maps say of addresses.
class Kernel {
public:
    static Result<Kernel> open(const fs::path& pin_dir) {
        Fd endpoints(bpf_obj_get((pin_dir / "maps" / "endpoints4").c_str()));
        Fd prefixes(bpf_obj_get((pin_dir / "maps" / "prefixes4").c_str()));
        if (!endpoints.valid() || !prefixes.valid()) return fail("open the pinned maps", errno);
        return Kernel(std::move(endpoints), std::move(prefixes));
    }

    bool knows(const Address& address) const {
        return endpoints_.find(address.raw4()) || prefixes_.find({.length = 32, .address = address.raw4()});
    }

private:
    Kernel(Fd endpoints, Fd prefixes)
        : endpoints_(std::move(endpoints), "endpoints4", 0), prefixes_(std::move(prefixes), "prefixes4", 0) {}

    Map<uint32_t, bh_endpoint> endpoints_;
    Map<bh_prefix4, uint32_t> prefixes_;
};

Result<> check_all_there(const Kernel& kernel, const ResourceSets& sets) {
    for (const Address& address : sets.samples())
        if (!kernel.knows(address)) return fail("the agent is ready, but " + address.text() + " is not in the kernel");
    return {};
}

/// Milliseconds from each rename of the resources' file to one more address in the kernel, sorted.
Result<std::vector<double>> time_changes(const ResourceSets& sets, const fs::path& source, const Kernel& kernel,
                                         uint32_t changes) {
    std::vector<double> took;
    for (uint32_t i = 0; i < changes; ++i) {
        if (kernel.knows(ResourceSets::extra_address(i))) return fail("an address is there before it was named");
        if (auto written = sets.write(source, i + 1); !written) return tl::unexpected(written.error());
        const auto begin = Clock::now();
        while (!kernel.knows(ResourceSets::extra_address(i))) {
            if (Clock::now() - begin > kPatience) return fail("name one more address: it never reached the kernel");
            std::this_thread::sleep_for(std::chrono::microseconds(100)); // leaves the agent the CPU
        }
        took.push_back(milliseconds_since(begin));
        std::this_thread::sleep_for(kPause);
    }
    std::ranges::sort(took);
    return took;
}

Result<> measure_changes(const AgentProcess& agent, const ResourceSets& sets, const fs::path& source,
                         const Kernel& kernel, uint32_t changes, Numbers& numbers) {
    const auto before = agent.cpu_seconds();
    const auto took = time_changes(sets, source, kernel, changes);
    const auto after = agent.cpu_seconds();
    if (!took) return tl::unexpected(took.error());
    if (!before || !after) return tl::unexpected((before ? after : before).error());
    numbers.change_median_ms = (*took)[took->size() / 2];
    numbers.change_p99_ms = (*took)[took->size() * 99 / 100];
    numbers.change_cpu_ms = (*after - *before) * 1000 / changes;
    return {};
}

Result<Numbers> measure(const SetsOptions& options, const ResourceSets& sets) {
    const auto place = WorkPlace::create();
    if (!place) return tl::unexpected(place.error());
    const AgentProcess::Settings settings{.binary = options.binary,
                                          .source = place->path("manifests"),
                                          .pin_dir = place->bpffs() / "bulkhead",
                                          .work = place->path("agent")};
    if (auto made = Directory::write(settings.source, options.pods); !made) return tl::unexpected(made.error());
    if (auto made = sets.write(settings.source, 0); !made) return tl::unexpected(made.error());
    if (auto isolated = isolate(place->bpffs()); !isolated) return tl::unexpected(isolated.error());

    Numbers numbers{.name = sets.name};
    (void)getloadavg(&numbers.load, 1);
    const auto begin = Clock::now();
    const auto agent = AgentProcess::start(settings);
    if (!agent) return tl::unexpected(agent.error());
    if (auto ready = agent->wait_until_ready(kPatience); !ready) return tl::unexpected(ready.error());
    numbers.start_seconds = milliseconds_since(begin) / 1000;
    const auto kernel = Kernel::open(settings.pin_dir);
    if (!kernel) return tl::unexpected(kernel.error());
    if (auto there = check_all_there(*kernel, sets); !there) return tl::unexpected(there.error());
    const auto resident = agent->resident_bytes();
    if (!resident) return tl::unexpected(resident.error());
    numbers.resident_megabytes = static_cast<double>(*resident) / 1e6;
    if (auto done = measure_changes(*agent, sets, settings.source, *kernel, options.changes, numbers); !done)
        return tl::unexpected(done.error());
    return numbers;
}

void print(const Numbers& numbers) {
    fmt::print("{:<40} ready after {:.2f} s, {:.1f} MB resident, one more address {:.1f} ms, p99 {:.1f} ms, "
               "{:.1f} ms of CPU (load {:.1f})\n",
               numbers.name, numbers.start_seconds, numbers.resident_megabytes, numbers.change_median_ms,
               numbers.change_p99_ms, numbers.change_cpu_ms, numbers.load);
}

Result<> write_json(const SetsOptions& options, const std::vector<Numbers>& all) {
    nlohmann::json rows = nlohmann::json::array();
    for (const Numbers& numbers : all)
        rows.push_back({{"set", numbers.name},
                        {"start_seconds", numbers.start_seconds},
                        {"resident_megabytes", numbers.resident_megabytes},
                        {"change_median_ms", numbers.change_median_ms},
                        {"change_p99_ms", numbers.change_p99_ms},
                        {"change_cpu_ms", numbers.change_cpu_ms},
                        {"load", numbers.load}});
    std::ofstream file(options.json);
    file << nlohmann::json{{"pods", options.pods}, {"changes", options.changes}, {"sets", std::move(rows)}}.dump(2)
         << '\n';
    if (!file.flush()) return fail("write " + options.json, errno);
    return {};
}

} // namespace

Result<> measure_sets(const SetsOptions& options) {
    std::vector<Numbers> all;
    for (const ResourceSets& sets : kSets) {
        const auto numbers = measure(options, sets);
        if (!numbers) return tl::unexpected(numbers.error());
        print(*numbers);
        all.push_back(*numbers);
    }
    return options.json.empty() ? Result<>{} : write_json(options, all);
}

} // namespace bulkhead::bench
