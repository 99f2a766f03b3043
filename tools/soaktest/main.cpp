// SPDX-License-Identifier: Apache-2.0
//
// Runs a soak; see docs/soak.md. Run it by tools/soak.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "director.h"
#include "report.h"
#include "stage.h"
#include "trouble.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::soak;
using namespace std::chrono_literals;

enum Exit { kClean = 0, kFound = 1, kUsage = 2, kFailed = 3 };

constexpr auto kSettleLimit = 180s;
constexpr auto kDrainLimit = 60s;
constexpr auto kLastTraffic = 10s; // when all trouble is over
constexpr auto kLastOfSabotage = 2s;
constexpr uint64_t kSomeAnswers = 3000; // before anything is sabotaged
constexpr auto kShowLimit = 20s;        // until it shows
constexpr auto kHastyTurn = 300ms;

struct Options {
    std::string length = "20m";
    uint64_t seed = std::random_device{}();
    size_t talks = 300;
    std::string json;
    std::string logs = ".";
    bool sabotage = false;
};

/// "90", "90s", "5m", "1h".
std::optional<Seconds> read_length(const std::string& text) {
    double number = 0;
    std::string unit;
    std::istringstream in(text);
    if (!(in >> number) || number <= 0) return std::nullopt;
    in >> unit;
    if (unit.empty() || unit == "s") return Seconds(number);
    if (unit == "m") return Seconds(number * 60);
    if (unit == "h") return Seconds(number * 3600);
    return std::nullopt;
}

/// By clsact first: a qdisc that is added to an uplink later costs it packets (docs/operations.md).
std::vector<Build> builds() {
    return {{.program = SOAK_AGENT, .attach = "clsact", .answer_mark = "0x1000"},
            {.program = SOAK_AGENT_NEXT, .attach = "auto", .answer_mark = "0x2000"},
            {.program = SOAK_AGENT_NEXT, .attach = "clsact", .answer_mark = "0x2000"},
            {.program = SOAK_AGENT, .attach = "auto", .answer_mark = "0x1000"}};
}

void raise_file_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// One run: everything that is alive in it.
class Soak {
public:
    Soak(const Options& options, Plan plan, const Stage& stage, Wiring wiring)
        : plan_(plan), gate_{.net = stage.net(), .ajar = options.sabotage}, ledger_(options.logs + "/soak.log"),
          wiring_(std::move(wiring)), manifests_(stage.directory() / "manifests"),
          traffic_(options.talks, plan.seed + 1, rules_, ledger_) {
        for (size_t node = 0; node < kNodes; ++node) {
            const Node::Where where{stage.net(), stage.directory(), manifests_.directory(), options.logs + "/soak-"};
            nodes_.push_back(std::make_unique<Node>(node, where, ledger_));
            gate_.sockets.at(node) = nodes_.back()->socket();
            troubles_.push_back(std::make_unique<Trouble>(*nodes_.back(), builds(), plan_, ledger_));
        }
        const Population::World world{gate_, wiring_, manifests_, nodes_, traffic_, ledger_};
        population_ = std::make_unique<Population>(world, plan.seed + 3);
        director_ = std::make_unique<Director>(world, *population_, rules_, plan_);
    }

    Result<> begin() {
        manifests_.write_cluster();
        for (const auto& trouble : troubles_)
            if (auto begun = trouble->begin(); !begun) return begun;
        if (auto settled = population_->settle_in(); !settled) return settled;
        if (!director_->settle(test::after(kSettleLimit))) return fail("wait for the first pods: not all are known");
        ledger_.note("the run begins");
        return {};
    }

    /// Instead of a run, and to find something of each kind: for some seconds there is nothing in one node's kernel,
    /// and a gate that asks nobody lets pods in there; then servers hang up and close.
    void sabotage() {
        const auto shows = [this] { return ledger_.found(kForbiddenArrived) != 0 && ledger_.found(kGateWrong) != 0; };
        std::jthread strips([&] {
            (void)test::wait_until([this] { return ledger_.counted(kAnswered) > kSomeAnswers; },
                                   test::after(kShowLimit));
            troubles_.front()->strip([&] { (void)test::wait_until(shows, test::after(kShowLimit)); });
            pods_done_ = true;
        });
        std::jthread turns([this] {
            for (; !pods_done_; std::this_thread::sleep_for(kHastyTurn))
                if (auto turned = population_->turn_over(); !turned) ledger_.note(turned.error().text);
        });
        director_->run([this] { return pods_done_.load(); });
    }

    void run() {
        std::vector<std::jthread> threads;
        for (const auto& trouble : troubles_)
            threads.emplace_back([&trouble] { trouble->run(); });
        threads.emplace_back([this] { turn_over(); });
        director_->run([this] {
            return pods_done_ && std::ranges::all_of(troubles_, [](const auto& trouble) { return trouble->is_done(); });
        });
    }

    /// All is well again, so all must be known; then what is under way is judged.
    void end() {
        ledger_.note("the run ends");
        if (!director_->settle(test::after(kSettleLimit)))
            ledger_.find(kPodForgotten, "at the end, when all was well again");
        if (gate_.ajar) traffic_.hang_up();
        std::this_thread::sleep_for(gate_.ajar ? kLastOfSabotage : kLastTraffic);
        if (!traffic_.drain(test::after(kDrainLimit))) ledger_.note("some conversations don't end");
        for (const auto& node : nodes_) {
            node->terminate();
            if (auto detached = node->detach(); !detached) ledger_.find(kAgentFailed, detached.error().text);
        }
    }

    const Ledger& ledger() const { return ledger_; }
    Circumstances circumstances() const {
        Circumstances circumstances{.plan = plan_};
        for (const Build& build : builds())
            circumstances.builds.push_back(build.text());
        circumstances.longest_round_ms = Seconds(traffic_.longest_round()).count() * 1000;
        circumstances.longest_gate_wait_s = Seconds(population_->longest_wait()).count();
        return circumstances;
    }

private:
    void turn_over() {
        const Time begun = Clock::now();
        const size_t pods = plan_.pods();
        for (size_t i = population_->size(); i < pods; ++i) {
            const auto due = plan_.length * static_cast<double>(i) / static_cast<double>(pods);
            std::this_thread::sleep_until(begun + std::chrono::duration_cast<Clock::duration>(due));
            if (auto turned = population_->turn_over(); !turned) ledger_.note(turned.error().text);
        }
        pods_done_ = true;
    }

    const Plan plan_;
    Gate gate_;
    Ledger ledger_;
    Rules rules_;
    Wiring wiring_;
    Manifests manifests_;
    Traffic traffic_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<std::unique_ptr<Trouble>> troubles_;
    std::unique_ptr<Population> population_;
    std::unique_ptr<Director> director_;
    std::atomic<bool> pods_done_{false};
};

Result<bool> run(const Options& options, const Plan& plan) {
    raise_file_limit();
    auto stage = Stage::create();
    if (!stage) return tl::unexpected(stage.error());
    auto wiring = Wiring::start(*stage);
    if (!wiring) return tl::unexpected(wiring.error());
    std::filesystem::create_directories(options.logs);
    Soak soak(options, plan, *stage, std::move(*wiring));
    std::cout << "seed " << plan.seed << ", " << plan.length.count() << " s; all that happens is in " << options.logs
              << "/soak.log" << std::endl;
    if (auto begun = soak.begin(); !begun) return tl::unexpected(begun.error());
    options.sabotage ? soak.sabotage() : soak.run();
    soak.end();
    std::cout << table_of(soak.ledger(), soak.circumstances());
    if (!options.json.empty()) std::ofstream(options.json) << json_of(soak.ledger(), soak.circumstances());
    const bool clean = soak.ledger().clean();
    std::cout << (clean ? "soak: passed" : "soak: FAILED: not everything that must be 0 is") << std::endl;
    return clean;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Two nodes' agents are killed, replaced, stopped and misled, while pods come and go and talk.",
                 "soak");
    app.footer("Exit codes: 0 nothing found; 1 something was; 2 wrong usage; 3 it could not run.");
    app.add_option("--for", options.length, "how long: 90s, 5m; pods, kills and upgrades in proportion")
        ->capture_default_str();
    app.add_option("--seed", options.seed, "of every choice; random if left out")->option_text("NUMBER");
    app.add_option("--talks", options.talks, "conversations at a time")->capture_default_str();
    app.add_option("--json", options.json, "the figures go there, too")->option_text("FILE");
    app.add_option("--logs", options.logs, "where soak.log and the agents' logs go")->capture_default_str();
    app.add_flag(
        "--sabotage", options.sabotage,
        "the harness' own test instead of a run: one node's programs are taken out of its kernel, the gate asks "
        "nobody, and servers hang up");
    CLI11_PARSE(app, argc, argv);
    const auto length = read_length(options.length);
    if (!length) {
        std::cerr << "soak: --for " << options.length << ": 90s, 5m or 1h\n";
        return kUsage;
    }
    const auto clean = run(options, {.seed = options.seed, .length = *length, .quiet = options.sabotage});
    if (clean) return *clean ? kClean : kFound;
    std::cerr << "soak: " << clean.error().text << "\n";
    return kFailed;
}
