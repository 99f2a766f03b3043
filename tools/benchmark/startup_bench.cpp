// SPDX-License-Identifier: Apache-2.0
#include "startup_bench.h"

#include <spdlog/fmt/fmt.h>
#include <sys/utsname.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "agent_process.h"
#include "cni/agent_client.h"
#include "directory.h"
#include "startup_net.h"
#include "startup_report.h"
#include "startup_traffic.h"
#include "work_place.h"

namespace bulkhead::bench {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr auto kWatch = 50ms;   // that nothing gets through any more
constexpr auto kAskGate = 10ms; // how often, at first as bulkhead-cni does
constexpr const char* kProtected = "vault";
constexpr uint32_t kStranger = 0; // its number

Result<> write_cluster(const std::filesystem::path& directory, const StartupOptions& options, bool with_pods) {
    std::ofstream file(directory / "startup.yaml");
    file << "apiVersion: v1\nkind: Namespace\nmetadata: {name: vault, labels: {bulkhead.dev/level: protected}}\n"
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: blog}\n"
            "---\napiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: bank-aurora}\n"
            "spec: {tenant: bank, addresses: {cidrs: [";
    file << StartupNode::resource(BH_IPV4).text() << "/32, '" << StartupNode::resource(BH_IPV6).text() << "/128']}}\n";
    const auto tell = [&](const std::string& ns, uint32_t number) { // bound to the node, without a status yet
        file << "---\napiVersion: v1\nkind: Pod\nmetadata: {name: pod-" << number << ", namespace: " << ns
             << "}\nspec: {nodeName: bench-node}\n";
    };
    tell("blog", kStranger);
    for (uint32_t number = 1; with_pods && number <= options.pods; ++number)
        tell(kProtected, number);
    if (!file.flush()) return fail("write the cluster", errno);
    return {};
}

/// One run: an agent, a stranger, and one pod after another.
class Race {
public:
    Race(const StartupVariant& variant, const StartupWatch& watch, const StartupNode& node, StartupTraffic& traffic,
         std::filesystem::path socket)
        : variant_(variant), watch_(watch), node_(node), traffic_(traffic), socket_(std::move(socket)) {}

    Result<> burst(uint32_t first, uint32_t count, std::vector<PodStart>& starts) const;

private:
    using Pods = std::vector<PodSite>;
    Result<> wire_all(Pods& pods) const;
    Result<> pass_gate(const PodSite& pod) const;
    Result<> wait_until_guarded(const Pods& pods) const;
    PodStart start_of(const PodSite& pod) const;

    const StartupVariant& variant_;
    const StartupWatch& watch_;
    const StartupNode& node_;
    StartupTraffic& traffic_;
    std::filesystem::path socket_;
};

/// A thread for each, as the container runtime calls CNI plugins for each.
Result<> Race::wire_all(Pods& pods) const {
    std::vector<Result<>> done(pods.size());
    std::vector<std::thread> threads;
    threads.reserve(pods.size());
    for (size_t i = 0; i < pods.size(); ++i)
        threads.emplace_back([&, i] {
            PodSite& pod = pods[i];
            done[i] = node_.wire(pod, watch_, [&] {
                traffic_.knock_at(pod);
                if (!variant_.gate) traffic_.let_send(pod);
            });
            if (done[i] && variant_.gate) done[i] = pass_gate(pod);
            watch_.start_process(pod.number); // not sooner, whoever starts it
            if (variant_.gate) traffic_.let_send(pod);
        });
    for (auto& thread : threads)
        thread.join();
    for (auto& one : done)
        if (!one) return one;
    return {};
}

/// What bulkhead-cni asks, of the real agent.
Result<> Race::pass_gate(const PodSite& pod) const {
    const cni::Query question{{"namespace", pod.ns},
                              {"pod", pod.name},
                              {"interfaces", pod.veth},
                              {"addresses", pod.ip4.text() + "," + pod.ip6.text()}};
    const auto deadline = Clock::now() + kPatience;
    for (;; std::this_thread::sleep_for(kAskGate)) {
        const auto why = cni::ask_gate(socket_, question, deadline);
        if (!why) return tl::unexpected(why.error());
        if (why->empty()) return {};
        if (Clock::now() > deadline) return fail("wait at the gate: " + *why);
    }
}

/// By what comes first, and then by what stays.
Result<> Race::wait_until_guarded(const Pods& pods) const {
    const bool by_links = std::string_view(variant_.attach) == "tcx";
    const auto is_done = [&](const PodSite& pod) {
        const PodStart start = start_of(pod);
        return start.guarded() && (!by_links || start.relieved());
    };
    for (const auto deadline = Clock::now() + kPatience; !std::ranges::all_of(pods, is_done);
         std::this_thread::sleep_for(5ms))
        if (Clock::now() > deadline) return fail("wait for the agent: it doesn't guard a pod");
    return {};
}

PodStart Race::start_of(const PodSite& pod) const {
    return {.veth = watch_.veth(pod.ifindex),
            .started = watch_.started(pod.number),
            .to_pod = watch_.passed(pod.number, Direction::kToPod),
            .from_pod = watch_.passed(pod.number, Direction::kFromPod)};
}

Result<> Race::burst(uint32_t first, uint32_t count, std::vector<PodStart>& starts) const {
    Pods pods;
    for (uint32_t number = first; number < first + count; ++number) {
        auto pod = node_.plan(number, kProtected);
        if (!pod) return tl::unexpected(pod.error());
        pods.push_back(std::move(*pod));
    }
    auto done = wire_all(pods);
    if (done) done = wait_until_guarded(pods);
    std::this_thread::sleep_for(kWatch);
    for (const PodSite& pod : pods)
        traffic_.forget(pod);
    if (!done) return done;
    for (const PodSite& pod : pods)
        starts.push_back(start_of(pod));
    for (const PodSite& pod : pods)
        if (done = node_.unwire(pod); !done) return done;
    return {};
}

Result<StartupRow> race(const StartupOptions& options, const StartupVariant& variant, const WorkPlace& place) {
    const AgentProcess::Settings settings{.binary = options.binary,
                                          .source = place.path("manifests"),
                                          .pin_dir = place.bpffs() / "bulkhead",
                                          .work = place.path("agent"),
                                          .attach = variant.attach};
    if (const auto others = Directory::write(settings.source, options.others); !others)
        return tl::unexpected(others.error());
    if (auto written = write_cluster(settings.source, options, variant.known); !written)
        return tl::unexpected(written.error());
    if (auto isolated = isolate(place.bpffs()); !isolated) return tl::unexpected(isolated.error());
    auto watch = StartupWatch::attach();
    if (!watch) return tl::unexpected(watch.error());
    const auto node = StartupNode::create(*watch);
    if (!node) return tl::unexpected(node.error());
    auto stranger = node->plan(kStranger, "blog");
    if (!stranger) return tl::unexpected(stranger.error());
    if (auto wired = node->wire(*stranger, *watch, [] {}); !wired) return tl::unexpected(wired.error());
    const auto agent = AgentProcess::start(settings);
    if (!agent) return tl::unexpected(agent.error());
    if (auto ready = agent->wait_until_ready(kPatience); !ready) return tl::unexpected(ready.error());

    StartupTraffic traffic(*stranger);
    const Race race(variant, *watch, *node, traffic, settings.work / "agent.sock");
    StartupRow row{.variant = variant, .pods = {}};
    const auto begin = Clock::now();
    for (uint32_t first = 1; first <= options.pods; first += options.burst)
        if (auto done = race.burst(first, std::min(options.burst, options.pods + 1 - first), row.pods); !done)
            return tl::unexpected(done.error());
    row.datagrams_per_second =
        static_cast<double>(traffic.sent()) / std::chrono::duration<double>(Clock::now() - begin).count();
    return row;
}

/// What others do on this machine meanwhile.
double load() {
    double average = 0;
    return getloadavg(&average, 1) == 1 ? average : 0;
}

Result<> write(const std::string& path, const StartupOptions& options, nlohmann::json rows) {
    utsname name{};
    uname(&name);
    const nlohmann::json json{{"kernel", name.release},
                              {"cpus", std::thread::hardware_concurrency()},
                              {"burst", options.burst},
                              {"pods_elsewhere", options.others},
                              {"results", std::move(rows)}};
    std::ofstream file(path);
    file << json.dump(2) << '\n';
    if (!file.flush()) return fail("write " + path, errno);
    return {};
}

} // namespace

Result<bool> measure_startup(const StartupOptions& options) {
    auto rows = nlohmann::json::array();
    bool met = true;
    for (const char* attach : {"clsact", "tcx"})
        for (const auto& [known, gate] : {std::pair{true, false}, std::pair{false, false}, std::pair{true, true}}) {
            const auto place = WorkPlace::create();
            if (!place) return tl::unexpected(place.error());
            const double before = load();
            const auto row = race(options, {.attach = attach, .known = known, .gate = gate}, *place);
            if (!row) return tl::unexpected(row.error());
            print(*row);
            met = met && row->met();
            rows.push_back(to_json(*row));
            rows.back()["load_before"] = before;
        }
    if (!options.json.empty())
        if (auto written = write(options.json, options, std::move(rows)); !written)
            return tl::unexpected(written.error());
    return met;
}

} // namespace bulkhead::bench
