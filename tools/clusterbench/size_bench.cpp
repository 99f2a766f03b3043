// SPDX-License-Identifier: Apache-2.0
#include "size_bench.h"

#include <spdlog/fmt/fmt.h>

#include <thread>

#include "figures.h"
#include "kernel_view.h"
#include "place.h"
#include "source/kube/resource.h"

namespace bulkhead::bench {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 300s;
constexpr auto kRest = 10s; // before it counts as idle

struct Requirement {
    double sync_seconds; // beside the server's own time
    double megabytes;
    double idle_share; // of a CPU
};

/// Issue's figures: up to 10,000 pods, and beyond.
Requirement required(uint32_t pods) {
    return pods <= 10000 ? Requirement{5, 64, 0.01} : Requirement{15, 250, 0.01};
}

/// The small one has as many namespaces as pods; the large one is made of many pods.
Population population_of(uint32_t pods) {
    if (pods <= 10000) return {.pods = pods, .namespaces = pods, .pods_per_slice = 1};
    return {.pods = pods, .namespaces = 1000, .pods_per_slice = 3};
}

/// Everything that an agent lists, asked for at once as it does, and thrown away: the server's part, and the wire's.
Result<double> answer_seconds(ApiClient& client) {
    const auto begin = Clock::now();
    std::vector<ApiClient::Request> requests;
    for (const auto& resource : source::kube::agent_resources(Place::kNode)) {
        const auto& root = resource.roots.back(); // the oldest: every server has it
        const auto selector = resource.selector.empty() ? "" : resource.selector + "&";
        requests.push_back({.path = root + "/" + resource.path + "?" + selector + "limit=500&resourceVersion=0"});
    }
    if (auto done = client.ask_all(requests); !done) return tl::unexpected(done.error());
    return milliseconds(Clock::now() - begin) / 1000;
}

/// Ready must mean that they are there.
Result<> check_all_there(uint32_t pods) {
    const auto kernel = KernelView::open();
    if (!kernel) return tl::unexpected(kernel.error());
    for (uint32_t pod = 0; pod < pods; ++pod)
        if (!kernel->identity_of(address_of(pod)))
            return fail("the agent is ready, but " + address_of(pod).text() + " is not in the kernel");
    return {};
}

Result<double> idle_share(pid_t pid, uint32_t seconds) {
    std::this_thread::sleep_for(kRest);
    const auto before = cpu_seconds(pid);
    if (!before) return before;
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    const auto after = cpu_seconds(pid);
    if (!after) return after;
    return (*after - *before) / seconds;
}

/// Of a sync that begins with nothing in the kernel.
Result<Json> measure_agent(const Place& place, const SizeOptions& options, uint32_t pods, double answer) {
    const auto begin = Clock::now();
    auto agent = Agent::start(place, place.server().kubeconfig());
    if (!agent) return tl::unexpected(agent.error());
    if (auto ready = agent->wait_until_ready(kPatience); !ready) return tl::unexpected(ready.error());
    const double sync = milliseconds(Clock::now() - begin) / 1000;
    if (auto there = check_all_there(pods); !there) return tl::unexpected(there.error());
    const auto idle = idle_share(agent->pid(), options.idle_seconds);
    if (!idle) return tl::unexpected(idle.error());
    const auto resident = resident_bytes(agent->pid());
    if (!resident) return tl::unexpected(resident.error());
    const auto most = most_resident_bytes(agent->pid());
    if (!most) return tl::unexpected(most.error());
    const auto need = required(pods);
    const double megabytes = static_cast<double>(*resident) / 1e6;
    const bool met = sync - answer < need.sync_seconds && megabytes < need.megabytes && *idle < need.idle_share;
    return Json{{"server_answer_seconds", rounded(answer)},
                {"first_sync_seconds", rounded(sync)},
                {"first_sync_beyond_answer_seconds", rounded(sync - answer)},
                {"required_beyond_answer_seconds", need.sync_seconds},
                {"resident_megabytes", rounded(megabytes)},
                {"most_resident_megabytes", rounded(static_cast<double>(*most) / 1e6)},
                {"required_megabytes", need.megabytes},
                {"idle_cpu_percent", rounded(100 * *idle)},
                {"required_idle_cpu_percent", 100 * need.idle_share},
                {"met", met}};
}

Result<Json> measure(const SizeOptions& options, uint32_t pods) {
    const auto population = population_of(pods);
    auto place = Place::create();
    if (!place) return tl::unexpected(place.error());
    auto client = ApiClient::create(place->server().kubeconfig());
    if (!client) return tl::unexpected(client.error());
    if (auto settled = settle(**client, population); !settled) return tl::unexpected(settled.error());
    auto answer = answer_seconds(**client);
    if (answer) answer = answer_seconds(**client); // the first one warms the server's memory
    if (!answer) return tl::unexpected(answer.error());
    auto figures = measure_agent(*place, options, pods, *answer);
    if (!figures) return figures;
    (*figures)["pods"] = pods;
    (*figures)["namespaces"] = population.namespaces;
    (*figures)["nodes"] = population.nodes();
    (*figures)["slices"] = population.nodes() * population.slices_per_node();
    return figures;
}

void print(const Json& json) {
    const auto number = [&](const char* name) { return json[name].get<double>(); };
    fmt::print(
        "{:.0f} pods, {:.0f} namespaces, {:.0f} nodes, {:.0f} slices: the server answers in {:.2f} s; in the "
        "kernel after {:.2f} s, {:.2f} s beyond (< {}); {:.0f} MB resident (< {}), at most {:.0f}; idle {:.2f} % "
        "of a CPU (< {})  {}\n",
        number("pods"), number("namespaces"), number("nodes"), number("slices"), number("server_answer_seconds"),
        number("first_sync_seconds"), number("first_sync_beyond_answer_seconds"),
        number("required_beyond_answer_seconds"), number("resident_megabytes"), number("required_megabytes"),
        number("most_resident_megabytes"), number("idle_cpu_percent"), number("required_idle_cpu_percent"),
        json["met"].get<bool>() ? "ok" : "missed");
}

} // namespace

Result<bool> measure_size(const SizeOptions& options) {
    std::vector<Measure> measurements;
    for (const uint32_t pods : options.pods)
        measurements.emplace_back([&options, pods] { return measure(options, pods); });
    return in_turn(measurements, print, options.json);
}

} // namespace bulkhead::bench
