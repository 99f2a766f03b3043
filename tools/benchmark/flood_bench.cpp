// SPDX-License-Identifier: Apache-2.0
#include "flood_bench.h"

#include <netinet/in.h>
#include <sched.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "flow_tables.h"
#include "programs.h"
#include "scene.h"
#include "situations.h"
#include "stage.h"
#include "told.h"
#include "wire.h"

namespace bulkhead::bench {

namespace {

constexpr double kAllowed = 1.05; // times a busy neighbour
constexpr uint32_t kChunk = 4096; // fewer events than the ring takes
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

/// What the other CPU does: nothing; TCP data that passes; SYNs that are refused; SYNs that pass, each a conversation.
enum class Neighbour : uint8_t { kNobody, kAllowed, kRefusedFlood, kPassingFlood };

constexpr bool is_flood(Neighbour neighbour) {
    return neighbour == Neighbour::kRefusedFlood || neighbour == Neighbour::kPassingFlood;
}

Result<> stay_on(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(cpu), &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) return fail("run on CPU " + std::to_string(cpu), errno);
    return {};
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

/// A flood, and an allowed packet next to it.
struct Beside {
    double ns = 0;
    double rate = 0, told = 0, merged = 0, lost = 0, untold = 0; // per second
};

struct Block {
    double alone = 0, beside_allowed = 0; // nanoseconds of an allowed packet
    Beside refused, passing;
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
        for (const auto& [neighbour, ns] :
             {std::pair{Neighbour::kNobody, &block.alone}, {Neighbour::kAllowed, &block.beside_allowed}}) {
            const auto took = neighbour == Neighbour::kNobody ? allowed_packet() : beside(neighbour).map(&Beside::ns);
            if (!took) return tl::unexpected(took.error());
            *ns = *took;
        }
        for (const auto& [flood, out] :
             {std::pair{Neighbour::kRefusedFlood, &block.refused}, {Neighbour::kPassingFlood, &block.passing}}) {
            auto took = beside(flood);
            if (!took) return tl::unexpected(took.error());
            *out = *took;
        }
        return block;
    }

private:
    static constexpr size_t kMost = BENCH_MAX_PACKETS;

    Result<Beside> beside(Neighbour neighbour) {
        const auto before = told(maps_.statistics);
        if (!before) return tl::unexpected(before.error());
        const auto begin = std::chrono::steady_clock::now();
        const bool flood = is_flood(neighbour);
        Busy busy(
            theirs_, program_, neighbour == Neighbour::kRefusedFlood ? refused_ : allowed_,
            {.family = BH_IPV4, .protocol = BH_TCP, .tcp_flags = static_cast<uint8_t>(flood ? BH_TCP_SYN : BH_TCP_ACK)},
            flood);
        while (!busy.under_way())
            std::this_thread::yield();
        const auto took = allowed_packet();
        busy.stop();
        if (!took) return tl::unexpected(took.error());
        if (!busy.outcome()) return tl::unexpected(busy.outcome().error());
        const auto after = told(maps_.statistics);
        if (!after) return tl::unexpected(after.error());
        const Told meanwhile = *after - *before;
        if (flood && meanwhile.events == 0) return fail("of the flood nothing was told: it isn't what it should be");
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const auto rate = [seconds](uint64_t count) { return static_cast<double>(count) / seconds; };
        return Beside{.ns = *took,
                      .rate = rate(busy.packets()),
                      .told = rate(meanwhile.events),
                      .merged = rate(meanwhile.merged),
                      .lost = rate(meanwhile.lost),
                      .untold = rate(meanwhile.untold)};
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

double median_of(const std::vector<Block>& blocks, const std::function<double(const Block&)>& value) {
    std::vector<double> values(blocks.size());
    std::ranges::transform(blocks, values.begin(), value);
    return median(std::move(values));
}

/// Of all blocks. Ratios are of one block each.
struct FloodMedians {
    FloodMedians(const std::vector<Block>& blocks, Beside Block::*flood)
        : to_alone(median_of(blocks, [=](const Block& b) { return (b.*flood).ns / b.alone; })),
          cost(median_of(blocks, [=](const Block& b) { return (b.*flood).ns / b.beside_allowed; })),
          rate(of(blocks, flood, &Beside::rate)), told(of(blocks, flood, &Beside::told)),
          merged(of(blocks, flood, &Beside::merged)), lost(of(blocks, flood, &Beside::lost)),
          untold(of(blocks, flood, &Beside::untold)) {}

    double to_alone, cost, rate, told, merged, lost, untold;

private:
    static double of(const std::vector<Block>& blocks, Beside Block::*flood, double Beside::*value) {
        return median_of(blocks, [=](const Block& b) { return b.*flood.*value; });
    }
};

struct Medians {
    explicit Medians(const std::vector<Block>& blocks)
        : blocks(blocks.size()), alone(median_of(blocks, [](const Block& b) { return b.alone; })),
          beside_allowed(median_of(blocks, [](const Block& b) { return b.beside_allowed / b.alone; })),
          refused(blocks, &Block::refused), passing(blocks, &Block::passing) {}

    size_t blocks;
    double alone, beside_allowed;
    FloodMedians refused, passing;
};

void print(const Medians& result) {
    fmt::print("an allowed packet, of TCP data to a pod, on one CPU (medians of {} blocks)\n"
               "  next to nobody                          {:7.1f} ns\n"
               "  next to a CPU busy with allowed packets {:7.2f} times that\n"
               "  next to a flood of refused SYNs         {:7.2f} times that\n"
               "  next to a flood of SYNs that pass       {:7.2f} times that\n"
               "flood of refused SYNs / busy neighbour    {:7.2f} required <= {}\n"
               "flood of SYNs that pass / busy neighbour  {:7.2f} required <= {}\n"
               "of those refused: {:.0f} a second, {:.0f} told, {:.0f} counted in sum, {:.0f} lost\n"
               "of those that pass: {:.0f} a second, {:.0f} told, {:.0f} counted as untold\n",
               result.blocks, result.alone, result.beside_allowed, result.refused.to_alone, result.passing.to_alone,
               result.refused.cost, kAllowed, result.passing.cost, kAllowed, result.refused.rate, result.refused.told,
               result.refused.merged, result.refused.lost, result.passing.rate, result.passing.told,
               result.passing.untold);
}

Result<> write_json(const Medians& result, const std::string& path) {
    const nlohmann::json json{{"blocks", result.blocks},
                              {"alone_ns", result.alone},
                              {"beside_allowed_ratio", result.beside_allowed},
                              {"required", kAllowed},
                              {"refused_flood",
                               {{"beside_ratio", result.refused.to_alone},
                                {"to_allowed_neighbour_ratio", result.refused.cost},
                                {"packets_per_second", result.refused.rate},
                                {"told_per_second", result.refused.told},
                                {"merged_per_second", result.refused.merged},
                                {"lost_per_second", result.refused.lost}}},
                              {"passing_flood",
                               {{"beside_ratio", result.passing.to_alone},
                                {"to_allowed_neighbour_ratio", result.passing.cost},
                                {"packets_per_second", result.passing.rate},
                                {"told_per_second", result.passing.told},
                                {"untold_per_second", result.passing.untold}}}};
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
    auto tables = FlowTables::create(scene->maps(), scene->slots());
    if (!tables) return tl::unexpected(tables.error());
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
    return std::max(result.refused.cost, result.passing.cost) <= kAllowed;
}

} // namespace bulkhead::bench
