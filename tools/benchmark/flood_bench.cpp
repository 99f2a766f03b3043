// SPDX-License-Identifier: Apache-2.0
#include "flood_bench.h"

#include <netinet/in.h>
#include <sched.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <thread>

#include "programs.h"
#include "scene.h"
#include "situations.h"
#include "stage.h"
#include "wire.h"

namespace bulkhead::bench {

namespace {

constexpr double kAllowed = 1.05; // times a busy neighbour
constexpr uint32_t kChunk = 4096; // fewer events than the ring takes
constexpr uint32_t kFlowSets = 0;
constexpr int32_t kUnknownNamespace = -1;
constexpr uint16_t kRefusedPort = 9090;
constexpr int kOurs = 0, kTheirs = 1; // CPUs

constexpr uint32_t kPass = 65536;
constexpr auto kLength = std::chrono::seconds(2); // in each second there is what is told, and what no longer is

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

enum class Neighbour : uint8_t { kNobody, kAllowed, kFlood };

Result<> stay_on(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(cpu), &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) return fail("run on CPU " + std::to_string(cpu), errno);
    return {};
}

/// What the programs counted, of all CPUs.
struct Told {
    uint64_t events = 0, merged = 0, lost = 0; // packets but for events

    Told operator-(const Told& other) const {
        return {events - other.events, merged - other.merged, lost - other.lost};
    }
};

Result<Told> told(const datapath::Maps& maps) {
    Told told;
    for (const auto& [statistic, sum] : {std::pair{BH_STAT_EVENTS, &told.events},
                                         {BH_STAT_REFUSED_MERGED, &told.merged},
                                         {BH_STAT_REFUSED_UNTOLD, &told.lost}}) {
        const auto values = maps.statistics.read(statistic);
        if (!values) return tl::unexpected(values.error());
        *sum = std::accumulate(values->begin(), values->end(), uint64_t{0});
    }
    return told;
}

/// A CPU that does nothing else for as long as this lives. Each SYN of its flood is a conversation of its own.
class Busy {
public:
    Busy(Stage& stage, int program, std::vector<bench_packet> packets, const Wire& wire, bool afresh)
        : thread_([this, &stage, program, packets = std::move(packets), bytes = wire.bytes(), afresh]() mutable {
              drive(stage, program, packets, bytes, afresh);
          }) {}
    ~Busy() { stop(); }
    Busy(const Busy&) = delete;

    void stop() {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
    }
    uint64_t packets() const { return sent_; }
    bool under_way() const { return sent_ > 0 || ended_; }
    const Result<>& outcome() const { return outcome_; } // once stopped

private:
    void drive(Stage& stage, int program, std::vector<bench_packet>& packets, const std::vector<std::byte>& wire,
               bool afresh) {
        std::mt19937 random; // NOLINT: the same each time
        outcome_ = stay_on(kTheirs);
        stage.set_packets(packets);
        while (outcome_ && !stop_) {
            if (afresh) {
                for (auto& packet : packets)
                    packet.ports = (packet.ports & 0xffff0000U) | (random() & 0xffffU); // of the stranger
                stage.set_packets(packets);
            }
            const auto count = static_cast<uint32_t>(packets.size());
            if (const auto ran = stage.run(program, wire, count, kChunk); !ran) outcome_ = tl::unexpected(ran.error());
            sent_ += count;
        }
        ended_ = true;
    }

    std::atomic<bool> stop_{false}, ended_{false};
    std::atomic<uint64_t> sent_{0};
    Result<> outcome_;
    std::thread thread_;
};

struct Block {
    double alone = 0, beside_allowed = 0, beside_flood = 0;               // nanoseconds of an allowed packet
    double flood_rate = 0, told_rate = 0, merged_rate = 0, lost_rate = 0; // per second
};

class Flood {
public:
    Flood(const UnderTest& under_test, const Scene& scene, Stage& ours, Stage& theirs, const FloodOptions& options)
        : program_(under_test.timed.to_pod.get()), maps_(scene.maps()), ours_(ours), theirs_(theirs), options_(options),
          allowed_(
              packets_at(Hook::kToPod, scene.conversations(Relation::kAnyToOpen, Server::kPod, 8080, kMost), BH_IPV4)),
          refused_(packets_at(Hook::kToPod, scene.conversations(Relation::kStranger, Server::kPod, kRefusedPort, kMost),
                              BH_IPV4)) {}

    Result<Block> measure() {
        Block block;
        for (const auto& [neighbour, ns] : {std::pair{Neighbour::kNobody, &block.alone},
                                            {Neighbour::kAllowed, &block.beside_allowed},
                                            {Neighbour::kFlood, &block.beside_flood}}) {
            const auto took = beside(neighbour, block);
            if (!took) return tl::unexpected(took.error());
            *ns = *took;
        }
        return block;
    }

private:
    static constexpr size_t kMost = BENCH_MAX_PACKETS;

    Result<double> beside(Neighbour neighbour, Block& block) {
        if (neighbour == Neighbour::kNobody) return allowed_packet();
        const bool flood = neighbour == Neighbour::kFlood;
        const auto before = told(maps_);
        if (!before) return tl::unexpected(before.error());
        const auto begin = std::chrono::steady_clock::now();
        Busy busy(
            theirs_, program_, flood ? refused_ : allowed_,
            {.family = BH_IPV4, .protocol = BH_TCP, .tcp_flags = static_cast<uint8_t>(flood ? BH_TCP_SYN : BH_TCP_ACK)},
            flood);
        while (!busy.under_way())
            std::this_thread::yield();
        auto took = allowed_packet();
        busy.stop();
        if (!busy.outcome()) return tl::unexpected(busy.outcome().error());
        const auto after = told(maps_);
        if (!after) return tl::unexpected(after.error());
        if (!flood) return took;
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const Told meanwhile = *after - *before;
        if (meanwhile.events == 0) return fail("of the flood nothing was told: it isn't refused");
        block.flood_rate = static_cast<double>(busy.packets()) / seconds;
        block.told_rate = static_cast<double>(meanwhile.events) / seconds;
        block.merged_rate = static_cast<double>(meanwhile.merged) / seconds;
        block.lost_rate = static_cast<double>(meanwhile.lost) / seconds;
        return took;
    }

    /// The median of as many passes as there is time for.
    Result<double> allowed_packet() {
        const auto wire = Wire{.family = BH_IPV4, .protocol = BH_TCP, .tcp_flags = BH_TCP_ACK}.bytes();
        const auto end = std::chrono::steady_clock::now() + kLength;
        ours_.set_packets(allowed_);
        std::vector<double> passes;
        while (passes.empty() || std::chrono::steady_clock::now() < end) {
            const auto took = ours_.run(program_, wire, kPass, kPass);
            if (!took) return took;
            passes.push_back(*took);
        }
        return median(std::move(passes));
    }

    int program_;
    const datapath::Maps& maps_;
    Stage& ours_;
    Stage& theirs_;
    const FloodOptions& options_;
    std::vector<bench_packet> allowed_, refused_;
};

/// Of all blocks. Ratios are of one block each.
struct Medians {
    explicit Medians(const std::vector<Block>& blocks)
        : blocks(blocks.size()), alone(of(blocks, [](const Block& b) { return b.alone; })),
          beside_allowed(of(blocks, [](const Block& b) { return b.beside_allowed / b.alone; })),
          beside_flood(of(blocks, [](const Block& b) { return b.beside_flood / b.alone; })),
          cost(of(blocks, [](const Block& b) { return b.beside_flood / b.beside_allowed; })),
          flood_rate(of(blocks, [](const Block& b) { return b.flood_rate; })),
          told_rate(of(blocks, [](const Block& b) { return b.told_rate; })),
          merged_rate(of(blocks, [](const Block& b) { return b.merged_rate; })),
          lost_rate(of(blocks, [](const Block& b) { return b.lost_rate; })) {}

    size_t blocks;
    double alone, beside_allowed, beside_flood, cost, flood_rate, told_rate, merged_rate, lost_rate;

private:
    static double of(const std::vector<Block>& blocks, double (*value)(const Block&)) {
        std::vector<double> values(blocks.size());
        std::ranges::transform(blocks, values.begin(), value);
        return median(std::move(values));
    }
};

void print(const Medians& result) {
    fmt::print("an allowed packet, of TCP data to a pod, on one CPU (medians of {} blocks)\n"
               "  next to nobody                          {:7.1f} ns\n"
               "  next to a CPU busy with allowed packets {:7.2f} times that\n"
               "  next to a flood of refused SYNs         {:7.2f} times that\n"
               "flood / busy neighbour                    {:7.2f} required <= {}\n"
               "the flood: {:.0f} SYNs a second, {:.0f} told, {:.0f} counted in sum, {:.0f} lost\n",
               result.blocks, result.alone, result.beside_allowed, result.beside_flood, result.cost, kAllowed,
               result.flood_rate, result.told_rate, result.merged_rate, result.lost_rate);
}

Result<> write_json(const Medians& result, const std::string& path) {
    const nlohmann::json json{{"blocks", result.blocks},
                              {"alone_ns", result.alone},
                              {"beside_allowed_ratio", result.beside_allowed},
                              {"beside_flood_ratio", result.beside_flood},
                              {"flood_to_allowed_neighbour_ratio", result.cost},
                              {"required", kAllowed},
                              {"flood_packets_per_second", result.flood_rate},
                              {"told_per_second", result.told_rate},
                              {"merged_per_second", result.merged_rate},
                              {"lost_per_second", result.lost_rate}};
    std::ofstream file(path);
    file << json.dump(2) << '\n';
    if (!file.flush()) return fail("write " + path, errno);
    return {};
}

Result<std::vector<Block>> blocks_of(const FloodOptions& options) {
    if (std::thread::hardware_concurrency() < 2) return fail("a flood needs a second CPU");
    if (auto stays = stay_on(kOurs); !stays) return tl::unexpected(stays.error());
    auto under_test = load_under_test();
    if (!under_test) return tl::unexpected(under_test.error());
    auto scene = Scene::build(under_test->kernel, {.endpoints = 1000, .tenants = 100});
    if (!scene) return tl::unexpected(scene.error());
    const auto usual = datapath::Telling{}.events_per_second;
    if (auto set = scene->set_asked(Ask::kNothing); !set) return tl::unexpected(set.error());
    if (auto set = scene->set_events_per_second(usual); !set) return tl::unexpected(set.error());
    if (auto set = scene->set_pods(1, kFlowSets, kUnknownNamespace); !set) return tl::unexpected(set.error());
    auto ours = Stage::create(scene->maps(), Stage::Ring::kLeft);
    auto theirs = Stage::create(scene->maps(), Stage::Ring::kDrained);
    if (!ours) return tl::unexpected(ours.error());
    if (!theirs) return tl::unexpected(theirs.error());
    Flood flood(*under_test, *scene, *ours, *theirs, options);
    std::vector<Block> blocks;
    for (unsigned i = 0; i < options.blocks; ++i) {
        const auto block = flood.measure();
        if (!block) return tl::unexpected(block.error());
        blocks.push_back(*block);
    }
    return blocks;
}

} // namespace

Result<bool> measure_flood(const FloodOptions& options) {
    const auto blocks = blocks_of(options);
    if (!blocks) return tl::unexpected(blocks.error());
    const Medians result(*blocks);
    print(result);
    if (!options.json.empty())
        if (auto written = write_json(result, options.json); !written) return tl::unexpected(written.error());
    return result.cost <= kAllowed;
}

} // namespace bulkhead::bench
