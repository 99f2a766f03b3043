// SPDX-License-Identifier: Apache-2.0
#include "agent_flood_bench.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <net/if.h>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "agent_process.h"
#include "base/address.h"
#include "base/fd.h"
#include "bulkhead/parse.h"
#include "datapath/maps.h"
#include "datapath/test_run.h"
#include "netns.h"
#include "replayer.h"
#include "rtnl.h"
#include "source/netlink/pod_names.h"
#include "told.h"
#include "wire.h"
#include "work_place.h"

namespace bulkhead::bench {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr double kAllowed = 0.25; // of a CPU
constexpr uint32_t kChunk = 4096; // packets of one run
constexpr auto kPatience = 60s;
constexpr const char* kWayIn = "eth0";

constexpr const char* kCluster = R"(apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {bulkhead.dev/tenant: web, bulkhead.dev/level: non-protected}}
---
apiVersion: v1
kind: Namespace
metadata: {name: ledger, labels: {bulkhead.dev/tenant: ledger, bulkhead.dev/level: protected}}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: web}
spec: {nodeName: bench-node, containers: [{name: main, image: 'main:1'}]}
status: {phase: Running, podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: ledger}
spec: {nodeName: bench-node, containers: [{name: main, image: 'main:1'}]}
status: {phase: Running, podIPs: [{ip: 10.0.0.3}]}
)";

/// Who is flooded, by strangers from outside the cluster.
struct Target {
    const char* ns;
    const char* address;

    std::string veth() const { return "eni" + netlink::veth_suffix(ns, "server", 0); }
};
constexpr Target kOpen{"web", "10.0.0.2"};
constexpr Target kProtected{"ledger", "10.0.0.3"};

struct Case {
    const char* name;
    const Target* target;        // nullptr: nobody sends
    bool is_followed = false;    // somebody reads GET /v1/flows?follow
    const char* limit = nullptr; // --events-per-second
};

constexpr const char* kNone = "1000000"; // so that the agent's own bound of 25,000 events a second is what counts

constexpr std::array kCases = {
    Case{.name = "nobody sends", .target = nullptr},
    Case{.name = "refused SYNs", .target = &kProtected},
    Case{.name = "SYNs that pass", .target = &kOpen},
    Case{.name = "SYNs that pass, followed", .target = &kOpen, .is_followed = true},
    Case{.name = "SYNs that pass, no limit in the programs", .target = &kOpen, .limit = kNone},
    Case{.name = "the same, followed", .target = &kOpen, .is_followed = true, .limit = kNone},
};

struct Row {
    std::string name;
    double cpu = 0;                                       // of one
    double packets = 0, told = 0, summed = 0, untold = 0; // per second
    double lines = 0;                                     // that a follower got, per second
    double resident_megabytes = 0;
};

/// From any port of any address of a network that nobody here knows.
std::vector<bench_packet> packets_to(const Target& target, std::mt19937& random) {
    std::vector<bench_packet> packets(BENCH_MAX_PACKETS);
    for (bench_packet& packet : packets) {
        packet.src = Address::parse("198.51.0.0")->raw();
        packet.src.word[0] |= static_cast<uint32_t>(random()) & htonl(0xffff);
        packet.dst = Address::parse(target.address)->raw();
        packet.ports = static_cast<uint32_t>(random() & 0xffffU) | uint32_t{htons(8080)} << 16;
    }
    return packets;
}

/// Runs the program over the packets for as long as this lives.
class Flood {
public:
    Flood(Replayer& replayer, const Target& target)
        : thread_([this, &replayer, &target] { outcome_ = run(replayer, target); }) {}
    Flood(const Flood&) = delete;
    ~Flood() { stop(); }

    Result<> stop() {
        ended_ = true;
        if (thread_.joinable()) thread_.join();
        return outcome_;
    }
    uint64_t packets() const { return sent_; }

private:
    Result<> run(Replayer& replayer, const Target& target) {
        const datapath::Context context{.ifindex = if_nametoindex(target.veth().c_str()),
                                        .ingress_ifindex = if_nametoindex(kWayIn)};
        const auto wire = Wire{.family = BH_IPV4, .protocol = BH_TCP, .tcp_flags = BH_TCP_SYN}.bytes();
        std::mt19937 random; // NOLINT: the same each time
        while (!ended_) {
            replayer.set_packets(packets_to(target, random));
            for (uint32_t i = 0; i < BENCH_MAX_PACKETS && !ended_; i += kChunk, sent_ += kChunk)
                if (auto ran = datapath::test_run(replayer.fd(), wire, context, kChunk); !ran)
                    return tl::unexpected(ran.error());
        }
        return {};
    }

    std::atomic<bool> ended_ = false;
    std::atomic<uint64_t> sent_ = 0;
    Result<> outcome_;
    std::thread thread_;
};

/// Reads the flows that the agent tells of, for as long as this lives.
class Follower {
public:
    static Result<std::unique_ptr<Follower>> connect(const std::string& path) {
        Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.copy(static_cast<char*>(to.sun_path), sizeof(to.sun_path) - 1);
        if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            return fail("connect to " + path, errno);
        const std::string request = "GET /v1/flows?follow=true HTTP/1.1\r\nHost: agent\r\n\r\n";
        if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return fail("ask " + path, errno);
        return std::make_unique<Follower>(std::move(fd));
    }
    explicit Follower(Fd fd) : socket_(std::move(fd)), thread_([this] { read(); }) {}
    Follower(const Follower&) = delete;
    ~Follower() {
        ::shutdown(socket_.get(), SHUT_RDWR);
        thread_.join();
    }
    uint64_t lines() const { return lines_; }

private:
    void read() {
        std::vector<char> buffer(1 << 16);
        for (ssize_t size = 0; (size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0;)
            lines_ += static_cast<uint64_t>(std::count(buffer.begin(), buffer.begin() + size, '\n'));
    }

    Fd socket_;
    std::atomic<uint64_t> lines_ = 0;
    std::thread thread_;
};

/// A node's way in, and the veths of its pods, whose other ends are in a network namespace.
Result<> add_devices(const Fd& netns) {
    auto rtnl = Rtnl::open();
    if (!rtnl) return tl::unexpected(rtnl.error());
    uint8_t number = 0;
    const auto add = [&](const std::string& name) -> Result<> {
        const std::string inside = "inside" + std::to_string(++number);
        if (auto made = rtnl->add_veth({name, {2, 0, 0, 0, 1, number}}, {inside, {2, 0, 0, 0, 2, number}}); !made)
            return made;
        if (auto moved = rtnl->move_link(inside, netns.get()); !moved) return moved;
        return rtnl->set_up(name);
    };
    if (auto added = add(kWayIn); !added) return added;
    for (const Target* target : {&kOpen, &kProtected}) {
        if (auto added = add(target->veth()); !added) return added;
        const auto routed =
            rtnl->add_host_route(if_nametoindex(target->veth().c_str()), *Address::parse(target->address));
        if (!routed) return routed;
    }
    return {};
}

Result<Fd> open_pinned(const std::filesystem::path& path) {
    Fd fd(bpf_obj_get(path.c_str()));
    if (!fd.valid()) return fail("open the pin " + path.string(), errno);
    return fd;
}

/// What the bench knows of the running agent.
struct Running {
    Fd netns; // of its pods
    AgentProcess agent;
    PerCpuArray<uint64_t> statistics;
    Fd program;
    std::filesystem::path socket;
};

/// Until then nobody knows whose packets these are.
Result<> wait_until_told(const Running& running, Replayer& replayer) {
    for (const auto deadline = Clock::now() + kPatience; Clock::now() < deadline; std::this_thread::sleep_for(20ms)) {
        Flood flood(replayer, kOpen);
        std::this_thread::sleep_for(20ms);
        if (auto ran = flood.stop(); !ran) return ran;
        const auto now = told(running.statistics);
        if (!now) return tl::unexpected(now.error());
        if (now->events > 0) return {};
    }
    return fail("wait until the agent knows its pods: of what is sent to one nothing is told");
}

struct Moment {
    Clock::time_point time;
    std::chrono::nanoseconds cpu;
    Told told;
    uint64_t packets, lines;
};

Result<Moment> moment_of(const Running& running, const Flood* flood, const Follower* follower) {
    const auto cpu = running.agent.cpu_time();
    if (!cpu) return tl::unexpected(cpu.error());
    const auto counted = told(running.statistics);
    if (!counted) return tl::unexpected(counted.error());
    return Moment{.time = Clock::now(),
                  .cpu = *cpu,
                  .told = *counted,
                  .packets = flood != nullptr ? flood->packets() : 0,
                  .lines = follower != nullptr ? follower->lines() : 0};
}

Row row_of(const Case& what, const Moment& begin, const Moment& end) {
    const double seconds = std::chrono::duration<double>(end.time - begin.time).count();
    const auto rate = [seconds](uint64_t count) { return static_cast<double>(count) / seconds; };
    const Told meanwhile = end.told - begin.told;
    return {.name = what.name,
            .cpu = std::chrono::duration<double>(end.cpu - begin.cpu).count() / seconds,
            .packets = rate(end.packets - begin.packets),
            .told = rate(meanwhile.events),
            .summed = rate(meanwhile.merged),
            .untold = rate(meanwhile.lost + meanwhile.untold),
            .lines = rate(end.lines - begin.lines)};
}

Result<Row> measure_beside(const Case& what, const Running& running, Replayer& replayer, std::chrono::seconds length) {
    auto follower = Follower::connect(running.socket);
    if (!follower) return tl::unexpected(follower.error());
    if (!what.is_followed) follower->reset();
    const auto flood = what.target != nullptr ? std::make_unique<Flood>(replayer, *what.target) : nullptr;
    std::this_thread::sleep_for(2s); // its tables have filled
    const auto begin = moment_of(running, flood.get(), follower->get());
    std::this_thread::sleep_for(length);
    const auto end = moment_of(running, flood.get(), follower->get());
    if (!begin) return tl::unexpected(begin.error());
    if (!end) return tl::unexpected(end.error());
    if (flood)
        if (auto ran = flood->stop(); !ran) return tl::unexpected(ran.error());
    Row row = row_of(what, *begin, *end);
    if (flood && row.told == 0) return fail("of the flood nothing was told: it isn't what it should be");
    if (what.is_followed && row.lines == 0) return fail("follow the flows: nothing came");
    const auto resident = running.agent.resident_bytes();
    if (!resident) return tl::unexpected(resident.error());
    row.resident_megabytes = static_cast<double>(*resident) / 1e6;
    return row;
}

/// In namespaces of this process' own.
Result<Running> start(const AgentFloodOptions& options, const Case& what, const WorkPlace& place) {
    AgentProcess::Settings settings{.binary = options.binary,
                                    .source = place.path("manifests"),
                                    .pin_dir = place.bpffs() / "bulkhead",
                                    .work = place.path("agent")};
    if (what.limit != nullptr) settings.more = {"--events-per-second", what.limit};
    std::ofstream(settings.source / "cluster.yaml") << kCluster;
    auto netns = new_netns();
    if (!netns) return tl::unexpected(netns.error());
    if (auto added = add_devices(*netns); !added) return tl::unexpected(added.error());
    auto agent = AgentProcess::start(settings);
    if (!agent) return tl::unexpected(agent.error());
    if (auto ready = agent->wait_until_ready(kPatience); !ready) return tl::unexpected(ready.error());
    auto program = open_pinned(settings.pin_dir / "programs" / "bh_to_pod");
    if (!program) return tl::unexpected(program.error());
    auto statistics = open_pinned(settings.pin_dir / "maps" / "statistics");
    if (!statistics) return tl::unexpected(statistics.error());
    return Running{.netns = std::move(*netns),
                   .agent = std::move(*agent),
                   .statistics = PerCpuArray<uint64_t>(std::move(*statistics), "statistics", BH_STAT_COUNT),
                   .program = std::move(*program),
                   .socket = settings.work / "agent.sock"};
}

Result<Row> measure(const AgentFloodOptions& options, const Case& what) {
    const auto place = WorkPlace::create();
    if (!place) return tl::unexpected(place.error());
    if (auto isolated = isolate(place->bpffs()); !isolated) return tl::unexpected(isolated.error());
    const auto running = start(options, what, *place);
    if (!running) return tl::unexpected(running.error());
    auto replayer = Replayer::create();
    if (!replayer) return tl::unexpected(replayer.error());
    if (auto aimed = replayer->aim(running->program.get()); !aimed) return tl::unexpected(aimed.error());
    if (auto told = wait_until_told(*running, *replayer); !told) return tl::unexpected(told.error());
    return measure_beside(what, *running, *replayer, std::chrono::seconds(options.seconds));
}

void print(const Row& row) {
    fmt::print(
        "{:<42} {:5.1f} % of a CPU, {:3.0f} MB; {:.0f} packets a second: {:.0f} told, {:.0f} counted in sum, {:.0f} "
        "untold; {:.0f} lines\n",
        row.name, row.cpu * 100, row.resident_megabytes, row.packets, row.told, row.summed, row.untold, row.lines);
}

nlohmann::json to_json(const Row& row) {
    return {{"name", row.name},
            {"agent_cpus", row.cpu},
            {"resident_megabytes", row.resident_megabytes},
            {"packets_per_second", row.packets},
            {"told_per_second", row.told},
            {"summed_per_second", row.summed},
            {"untold_per_second", row.untold},
            {"lines_per_second", row.lines}};
}

} // namespace

Result<bool> measure_agent_flood(const AgentFloodOptions& options) {
    auto json = nlohmann::json::array();
    bool met = true;
    for (const Case& what : kCases) {
        const auto row = measure(options, what);
        if (!row) return tl::unexpected(row.error());
        print(*row);
        json.push_back(to_json(*row));
        met = met && row->cpu <= kAllowed;
    }
    fmt::print("required <= {:.0f} % of a CPU: {}\n", kAllowed * 100, met ? "ok" : "missed");
    if (options.json.empty()) return met;
    std::ofstream file(options.json);
    file << nlohmann::json{{"allowed_cpus", kAllowed}, {"rows", json}}.dump(2) << '\n';
    if (!file.flush()) return fail("write " + options.json, errno);
    return met;
}

} // namespace bulkhead::bench
