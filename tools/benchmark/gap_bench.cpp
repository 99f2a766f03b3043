// SPDX-License-Identifier: Apache-2.0
#include "gap_bench.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "agent_process.h"
#include "base/fd.h"
#include "datapath/tc_filters.h"
#include "directory.h"
#include "work_place.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#include "bench_gap.skel.h"
#pragma GCC diagnostic pop

namespace bulkhead::bench {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* kVeth = "eni0123456789a"; // as the VPC CNI names them
constexpr auto kPatience = 60s;
constexpr auto kGone = 5s; // after which whoever hides ours counts as never overtaken

struct Seen { // as gap.bpf.c has it
    uint64_t first, last, packets;
};

/// Somebody else's program.
class Foreign {
public:
    static Result<Foreign> load() {
        Foreign foreign;
        foreign.object_.reset(bench_gap__open_and_load());
        if (!foreign.object_) return fail("load the foreign program", errno);
        return foreign;
    }
    int fd() const { return bpf_program__fd(object_->progs.bench_hide); }
    Seen seen() const {
        Seen seen{};
        const uint32_t key = 0;
        bpf_map_lookup_elem(bpf_map__fd(object_->maps.gap), &key, &seen);
        return seen;
    }
    void forget() const {
        const Seen none{};
        const uint32_t key = 0;
        bpf_map_update_elem(bpf_map__fd(object_->maps.gap), &key, &none, BPF_ANY);
    }

private:
    struct Close {
        void operator()(bench_gap* object) const { bench_gap__destroy(object); }
    };
    std::unique_ptr<bench_gap, Close> object_;
};

/// Sends frames out of the veth, towards the pod, as fast as one CPU can, for as long as it lives.
class Flood {
public:
    explicit Flood(uint32_t ifindex) : thread_([this, ifindex] { run(ifindex); }) {}
    Flood(const Flood&) = delete;
    ~Flood() {
        ended_ = true;
        thread_.join();
    }
    uint64_t sent() const { return sent_; }

private:
    void run(uint32_t ifindex) {
        const Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_protocol = htons(ETH_P_IP);
        to.sll_ifindex = static_cast<int>(ifindex);
        std::array<unsigned char, 64> frame{};
        frame[12] = 0x08; // IPv4, UDP, from an address of nobody's to one of nobody's
        frame[14] = 0x45;
        frame[17] = 50;
        frame[22] = 64;
        frame[23] = IPPROTO_UDP;
        frame[26] = 198;
        frame[27] = 51;
        frame[28] = 100;
        frame[30] = 10;
        frame[39] = 30;
        for (; !ended_; ++sent_)
            (void)sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                         sizeof to);
    }

    std::atomic<bool> ended_ = false;
    std::atomic<uint64_t> sent_ = 0;
    std::thread thread_;
};

/// Changes the cluster all the time: a pod every few milliseconds, and a whole recompilation a few times a second.
class Unrest {
public:
    explicit Unrest(const Directory& directory) : thread_([this, &directory] { run(directory); }) {}
    Unrest(const Unrest&) = delete;
    ~Unrest() {
        ended_ = true;
        thread_.join();
    }

private:
    void run(const Directory& directory) {
        for (uint32_t i = 0; !ended_; ++i) {
            (void)directory.move_the_pod(Directory::address_of(1000000 + i % 1000));
            if (i % 50 == 0) (void)directory.flip_a_namespace(i % 100 == 0);
            std::this_thread::sleep_for(5ms);
        }
    }

    std::atomic<bool> ended_ = false;
    std::thread thread_;
};

/// One way for others to get in front: adds itself, tells when it isn't first any more, and goes.
struct Intruder {
    std::function<Result<>()> enter;
    std::function<bool()> is_overtaken;
    std::function<void()> leave;
};

Intruder by_clsact(const Foreign& foreign, uint32_t ifindex) {
    const auto hook = [ifindex] {
        bpf_tc_hook at{};
        at.sz = sizeof at;
        at.ifindex = static_cast<int>(ifindex);
        at.attach_point = BPF_TC_EGRESS;
        return at;
    };
    const auto options = [] {
        bpf_tc_opts opts{};
        opts.sz = sizeof opts;
        opts.handle = 1;
        opts.priority = 1;
        return opts;
    };
    return {.enter = [=, &foreign]() -> Result<> {
                auto at = hook();
                auto opts = options();
                opts.prog_fd = foreign.fd();
                if (const int error = -bpf_tc_attach(&at, &opts)) return fail("add the foreign filter", error);
                return {};
            },
            .is_overtaken =
                [=] {
                    const auto filters = datapath::list_filters(ifindex, datapath::Side::kEgress);
                    return filters && filters->size() == 2 && filters->front().handle != 1;
                },
            .leave =
                [=] {
                    auto at = hook();
                    const auto opts = options();
                    (void)bpf_tc_detach(&at, &opts);
                }};
}

Intruder by_tcx(const Foreign& foreign, uint32_t ifindex) {
    const auto link = std::make_shared<Fd>();
    return {.enter = [=, &foreign]() -> Result<> {
                bpf_link_create_opts opts{};
                opts.sz = sizeof opts;
                opts.flags = BPF_F_BEFORE;
                *link = Fd(bpf_link_create(foreign.fd(), static_cast<int>(ifindex), BPF_TCX_EGRESS, &opts));
                if (!link->valid()) return fail("link the foreign program", errno);
                return {};
            },
            .is_overtaken =
                [ifindex, &foreign] {
                    std::array<uint32_t, 64> ids{};
                    struct bpf_prog_query_opts opts {};
                    opts.sz = sizeof opts;
                    opts.prog_ids = ids.data();
                    opts.count = ids.size();
                    if (bpf_prog_query_opts(static_cast<int>(ifindex), BPF_TCX_EGRESS, &opts) != 0) return false;
                    bpf_prog_info info{};
                    uint32_t size = sizeof info;
                    bpf_prog_get_info_by_fd(foreign.fd(), &info, &size);
                    return opts.count == 2 && ids[0] != info.id;
                },
            .leave = [=] { *link = Fd(); }};
}

struct Gap {
    double milliseconds = 0; // from the first to the last packet that it hid
    double packets = 0;
};

Result<Gap> intrude(const Intruder& intruder, const Foreign& foreign) {
    foreign.forget();
    if (auto entered = intruder.enter(); !entered) return tl::unexpected(entered.error());
    for (const auto deadline = Clock::now() + kGone; !intruder.is_overtaken(); std::this_thread::sleep_for(200us))
        if (Clock::now() > deadline) return fail("wait for the agent: it does not get in front again");
    std::this_thread::sleep_for(1ms); // what was on its way
    const Seen seen = foreign.seen();
    intruder.leave();
    return Gap{.milliseconds = static_cast<double>(seen.last - seen.first) / 1e6,
               .packets = static_cast<double>(seen.packets)};
}

struct Case {
    const char* attach;
    bool busy;
    uint32_t times;
};

struct Row {
    Case what{};
    double packets_per_second = 0;
    std::vector<double> milliseconds, packets; // sorted

    static double at(const std::vector<double>& sorted, double part) {
        return sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
    }
};

Result<uint32_t> add_veth() {
    const std::string name = kVeth;
    const std::string words = "ip link add " + name + " type veth peer name benchpeer && ip link set " + name +
                              " up && ip link set benchpeer up";
    if (std::system(words.c_str()) != 0) return fail("add a veth"); // NOLINT(cert-env33-c)
    return if_nametoindex(kVeth);
}

Result<Row> intrude_often(const Case& what, const Directory& directory, uint32_t ifindex) {
    const auto foreign = Foreign::load();
    if (!foreign) return tl::unexpected(foreign.error());
    const bool tcx = std::string_view(what.attach) == "tcx";
    const Intruder intruder = tcx ? by_tcx(*foreign, ifindex) : by_clsact(*foreign, ifindex);
    const auto unrest = what.busy ? std::make_unique<Unrest>(directory) : nullptr;
    const Flood flood(ifindex);
    std::mt19937 random(1); // NOLINT(cert-msc51-cpp): the same moments in each run
    Row row;
    row.what = what;
    const auto begin = Clock::now();
    for (uint32_t i = 0; i < what.times; ++i) {
        const auto gap = intrude(intruder, *foreign);
        if (!gap) return tl::unexpected(gap.error());
        row.milliseconds.push_back(gap->milliseconds);
        row.packets.push_back(gap->packets);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % (tcx ? 500000 : 40000)));
    }
    row.packets_per_second =
        static_cast<double>(flood.sent()) / std::chrono::duration<double>(Clock::now() - begin).count();
    std::ranges::sort(row.milliseconds);
    std::ranges::sort(row.packets);
    return row;
}

Result<Row> measure(const GapOptions& options, const Case& what) {
    const auto place = WorkPlace::create();
    if (!place) return tl::unexpected(place.error());
    const AgentProcess::Settings settings{.binary = options.binary,
                                          .source = place->path("manifests"),
                                          .pin_dir = place->bpffs() / "bulkhead",
                                          .work = place->path("agent"),
                                          .attach = what.attach};
    const auto directory = Directory::write(settings.source, options.pods);
    if (!directory) return tl::unexpected(directory.error());
    if (auto isolated = isolate(place->bpffs()); !isolated) return tl::unexpected(isolated.error());
    const auto ifindex = add_veth();
    if (!ifindex) return tl::unexpected(ifindex.error());
    const auto agent = AgentProcess::start(settings);
    if (!agent) return tl::unexpected(agent.error());
    if (auto ready = agent->wait_until_ready(kPatience); !ready) return tl::unexpected(ready.error());
    return intrude_often(what, *directory, *ifindex);
}

void print(const Row& row) {
    fmt::print(
        "{:>6}, {:4}: {} times, {:.2f} Mpps; hidden for {:.3f} ms (median), {:.3f} (p99), {:.3f} (most); packets "
        "{:.0f}, {:.0f}, {:.0f}\n",
        row.what.attach, row.what.busy ? "busy" : "idle", row.what.times, row.packets_per_second / 1e6,
        Row::at(row.milliseconds, 0.5), Row::at(row.milliseconds, 0.99), row.milliseconds.back(),
        Row::at(row.packets, 0.5), Row::at(row.packets, 0.99), row.packets.back());
}

nlohmann::json to_json(const Row& row) {
    return {{"attach", row.what.attach},
            {"busy", row.what.busy},
            {"times", row.what.times},
            {"packets_per_second", row.packets_per_second},
            {"hidden_median_ms", Row::at(row.milliseconds, 0.5)},
            {"hidden_p99_ms", Row::at(row.milliseconds, 0.99)},
            {"hidden_max_ms", row.milliseconds.back()},
            {"unjudged_packets_median", Row::at(row.packets, 0.5)},
            {"unjudged_packets_p99", Row::at(row.packets, 0.99)},
            {"unjudged_packets_max", row.packets.back()}};
}

} // namespace

Result<> measure_gap(const GapOptions& options) {
    auto json = nlohmann::json::array();
    for (const Case& what : {Case{"clsact", false, options.filters}, Case{"clsact", true, options.filters},
                             Case{"tcx", false, options.programs}, Case{"tcx", true, options.programs}}) {
        const auto row = measure(options, what);
        if (!row) return tl::unexpected(row.error());
        print(*row);
        json.push_back(to_json(*row));
    }
    if (options.json.empty()) return {};
    std::ofstream file(options.json);
    file << json.dump(2) << '\n';
    if (!file.flush()) return fail("write " + options.json, errno);
    return {};
}

} // namespace bulkhead::bench
