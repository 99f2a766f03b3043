// SPDX-License-Identifier: Apache-2.0
#include "scale_bench.h"

#include <spdlog/fmt/fmt.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <fstream>
#include <random>

#include "figures.h"
#include "place.h"
#include "simulated_agent.h"

namespace bulkhead::bench {

namespace {

using namespace std::chrono_literals;

constexpr double kStatusSeconds = 300;   // between two writes of a Node's status that says nothing new
constexpr double kChurn = 0.01 / 60;     // of all pods are replaced in a second
constexpr double kRollSeconds = 0.1;     // between two nodes of a DaemonSet that rolls
constexpr uint32_t kNewPods = 3'000'000; // address_of() of pods that come
constexpr auto kPatience = 600s;
constexpr int kTick = 5;          // ms
constexpr rlim_t kFilesEach = 32; // descriptors of an agent

struct Traffic {
    uint64_t received = 0;
    uint64_t sent = 0;
};

/// Of all devices but loopback, in this thread's network namespace.
Traffic traffic() {
    Traffic sum;
    std::ifstream file("/proc/thread-self/net/dev");
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || line.find(" lo:") != std::string::npos) continue;
        std::istringstream words(line.substr(colon + 1));
        uint64_t values[9] = {};
        for (auto& value : values)
            words >> value;
        sum.received += values[0];
        sum.sent += values[8];
    }
    return sum;
}

Result<> allow_files(rlim_t count) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::max(limit.rlim_cur, count);
    limit.rlim_max = std::max(limit.rlim_max, count);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return fail("open " + std::to_string(count) + " files", errno);
    return {};
}

/// All agents in one thread.
class Fleet {
public:
    static Result<Fleet> create(const std::filesystem::path& kubeconfig, uint32_t count, const Population& population) {
        const auto access = source::kube::read_kubeconfig(kubeconfig);
        if (!access) return tl::unexpected(access.error());
        if (auto raised = allow_files(count * kFilesEach); !raised) return tl::unexpected(raised.error());
        Fleet fleet;
        fleet.epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
        for (uint32_t i = 0; i < count; ++i) {
            auto agent = SimulatedAgent::create(*access, i, population);
            if (!agent) return tl::unexpected(agent.error());
            epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
            if (epoll_ctl(fleet.epoll_.get(), EPOLL_CTL_ADD, (*agent)->fd(), &event) != 0)
                return fail("watch an agent", errno);
            fleet.agents_.push_back(std::move(*agent));
        }
        for (auto& agent : fleet.agents_)
            agent->work();
        return fleet;
    }

    size_t size() const { return agents_.size(); }
    SimulatedAgent& operator[](size_t i) { return *agents_[i]; }

    void work() {
        epoll_event events[64];
        const int count = epoll_wait(epoll_.get(), events, 64, kTick);
        for (int i = 0; i < count; ++i)
            agents_[events[i].data.u32]->work();
    }

    /// What the agent at hand wants to be in the server.
    void publish(size_t i) {
        agents_[i]->publish();
        agents_[i]->work();
    }

    bool all(bool (SimulatedAgent::*holds)() const) const {
        return std::ranges::all_of(agents_, [&](const auto& agent) { return (agent.get()->*holds)(); });
    }
    uint64_t sum(uint64_t (SimulatedAgent::*count)() const) const {
        uint64_t total = 0;
        for (const auto& agent : agents_)
            total += (agent.get()->*count)();
        return total;
    }
    std::string trouble() const {
        for (const auto& agent : agents_)
            if (auto text = agent->trouble(); !text.empty()) return text;
        return "";
    }

private:
    Fd epoll_;
    std::vector<std::unique_ptr<SimulatedAgent>> agents_;
};

/// One phase: what happens in it, and what that cost.
class Phases {
public:
    Phases(Fleet& fleet, ApiClient& client, const Population& population, const ScaleOptions& options)
        : fleet_(fleet), client_(client), population_(population), options_(options) {}

    Result<Json> run() {
        Json all = Json::array();
        all.push_back(phase("start", [this] { return start(); }));
        all.push_back(phase("rest", [this] { return rest(false); }));
        all.push_back(phase("churn", [this] { return rest(true); }));
        all.push_back(phase("daemonset_first", [this] { return roll(true, false); }));
        all.push_back(phase("daemonset_rolls", [this] { return roll(true, true); }));
        if (!failed_.empty()) return fail(failed_);
        if (const auto trouble = fleet_.trouble(); !trouble.empty()) return fail("an agent: " + trouble);
        return all;
    }

private:
    struct Happened {
        uint64_t pods = 0;     // replaced
        uint64_t statuses = 0; // of nodes written
    };

    Json phase(const char* name, const std::function<Happened()>& what) {
        const auto begin = Clock::now();
        const auto before = traffic();
        const auto events = fleet_.sum(&SimulatedAgent::events);
        const auto writes = fleet_.sum(&SimulatedAgent::writes);
        const auto happened = what();
        settle();
        const double seconds = milliseconds(Clock::now() - begin) / 1000;
        const auto after = traffic();
        const auto agents = static_cast<double>(fleet_.size());
        const auto received = static_cast<double>(after.received - before.received);
        const auto heard = static_cast<double>(fleet_.sum(&SimulatedAgent::events) - events);
        const auto written = static_cast<double>(fleet_.sum(&SimulatedAgent::writes) - writes);
        return {{"phase", name},
                {"seconds", rounded(seconds)},
                {"pods_replaced", happened.pods},
                {"node_statuses_written", happened.statuses},
                {"slices_written", written},
                {"events_per_agent", rounded(heard / agents)},
                {"bytes_received_per_agent", rounded(received / agents)},
                {"bytes_sent_per_agent", rounded(static_cast<double>(after.sent - before.sent) / agents)},
                {"bytes_received_per_event", heard == 0 ? 0 : rounded(received / heard)}};
    }

    void wait_until(const std::function<bool()>& holds) {
        for (const auto end = Clock::now() + kPatience; !holds() && failed_.empty();) {
            if (Clock::now() > end) failed_ = "time is over: " + fleet_.trouble();
            work();
        }
    }
    void work() {
        fleet_.work();
        client_.work();
    }
    void work_for(std::chrono::nanoseconds time) {
        for (const auto end = Clock::now() + time; Clock::now() < end;)
            work();
    }

    /// Everything is written, and everybody has heard it.
    void settle() {
        wait_until([this] { return fleet_.all(&SimulatedAgent::published); });
        auto heard = fleet_.sum(&SimulatedAgent::events);
        for (uint64_t last = heard + 1; last != heard; heard = fleet_.sum(&SimulatedAgent::events)) {
            last = heard;
            work_for(1s);
        }
    }

    Happened start() {
        wait_until([this] { return fleet_.all(&SimulatedAgent::synced); });
        return {};
    }

    /// Kubelets write their Nodes' status now and then; with `churn`, pods go here and come there.
    Happened rest(bool churn) {
        Happened happened;
        const double pods = churn ? kChurn * population_.pods : 0;
        const double statuses = static_cast<double>(fleet_.size()) / kStatusSeconds;
        const auto begin = Clock::now();
        while (Clock::now() - begin < std::chrono::seconds(options_.seconds)) {
            const double now = milliseconds(Clock::now() - begin) / 1000;
            while (static_cast<double>(happened.pods) < pods * now) {
                replace_a_pod();
                ++happened.pods;
            }
            while (static_cast<double>(happened.statuses) < statuses * now) {
                write_status(++statuses_);
                ++happened.statuses;
            }
            work();
        }
        return happened;
    }

    void replace_a_pod() {
        size_t from = any();
        for (uint32_t slice = any_slice(); !fleet_[from].remove_pod(slice); slice = any_slice())
            from = any();
        fleet_.publish(from);
        const size_t to = any();
        fleet_[to].add_pod(any_slice(), kNewPods + ++came_);
        fleet_.publish(to);
    }

    void write_status(uint64_t number) {
        const auto name = node_name(static_cast<uint32_t>(number % fleet_.size()));
        Json conditions = node_object(name)["status"]["conditions"];
        for (auto& condition : conditions)
            condition["lastHeartbeatTime"] = fmt::format("2026-01-01T00:{:02}:{:02}Z", number / 60 % 60, number % 60);
        const auto sent = client_.send(
            merge(std::string(kNodes) + "/" + name + "/status", {{"status", {{"conditions", conditions}}}}),
            [this](const ApiClient::Answer& answer) {
                if (!answer.good()) failed_ = "write a Node's status: " + answer.text();
            });
        if (!sent) failed_ = sent.error().text;
    }

    /// Node by node; with `stop`, the old pod goes and the new one comes half a step later.
    Happened roll(bool start, bool stop) {
        const auto step = std::chrono::nanoseconds(static_cast<int64_t>(kRollSeconds * 1e9));
        for (size_t i = 0; i < fleet_.size(); ++i) {
            if (stop) {
                fleet_[i].stop_daemon();
                fleet_.publish(i);
            }
            work_for(step);
            if (!start) continue;
            wait_until([this, i] { return fleet_[i].published(); });
            fleet_[i].run_daemon(kNewPods + ++came_);
            fleet_.publish(i);
        }
        return {.pods = fleet_.size()};
    }

    size_t any() { return std::uniform_int_distribution<size_t>(0, fleet_.size() - 1)(random_); }
    uint32_t any_slice() {
        return std::uniform_int_distribution<uint32_t>(0, population_.slices_per_node() - 1)(random_);
    }

    Fleet& fleet_;
    ApiClient& client_;
    const Population& population_;
    const ScaleOptions& options_;
    std::minstd_rand random_{1};
    uint32_t came_ = 0;
    uint64_t statuses_ = 0;
    std::string failed_;
};

Result<Json> measure(const ScaleOptions& options, uint32_t agents) {
    Population population{.pods = agents * 30};
    auto place = Place::create();
    if (!place) return tl::unexpected(place.error());
    auto client = ApiClient::create(place->server().kubeconfig());
    if (!client) return tl::unexpected(client.error());
    if (auto settled = settle(**client, population); !settled) return tl::unexpected(settled.error());
    place->node().enter(); // so that what its device carries is the agents'
    auto fleet = Fleet::create(place->server().kubeconfig(), agents, population);
    if (!fleet) return tl::unexpected(fleet.error());
    auto phases = Phases(*fleet, **client, population, options).run();
    if (!phases) return phases;
    return Json{{"agents", agents},
                {"pods", population.pods},
                {"slices", agents * population.slices_per_node()},
                {"pods_per_slice", population.pods_per_slice},
                {"phases", *phases}};
}

void print(const Json& json) {
    fmt::print("{} agents, {} pods in {} slices\n", json["agents"].get<int>(), json["pods"].get<int>(),
               json["slices"].get<int>());
    for (const auto& phase : json["phases"]) {
        const auto number = [&phase](const char* what) { return phase[what].get<double>(); };
        fmt::print(
            "  {:<16} {:6.1f} s; {:5.0f} slices written; for each agent {:8.1f} events, {:9.1f} kB in, {:7.1f} kB "
            "out; {:6.0f} bytes an event\n",
            phase["phase"].get<std::string>(), number("seconds"), number("slices_written"), number("events_per_agent"),
            number("bytes_received_per_agent") / 1000, number("bytes_sent_per_agent") / 1000,
            number("bytes_received_per_event"));
    }
}

} // namespace

Result<bool> measure_scale(const ScaleOptions& options) {
    std::vector<Measure> measurements;
    for (const uint32_t agents : options.agents)
        measurements.emplace_back([&options, agents] { return measure(options, agents); });
    return in_turn(measurements, print, options.json);
}

} // namespace bulkhead::bench
