// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include "agent_bench.h"
#include "agent_flood_bench.h"
#include "flood_bench.h"
#include "gap_bench.h"
#include "report.h"
#include "startup.h"
#include "startup_bench.h"
#include "visibility_bench.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::bench;

struct Options {
    std::string json;
    std::string only; // part of a situation's name
    std::vector<Scale> scales = {{10, 2}, {1000, 2}, {1000, 100}, {100000, 2}, {100000, 1000}};
    Effort effort;
};

Result<Report> measure_scale(const Options& options, Scale scale) {
    auto under_test = load_under_test();
    if (!under_test) return tl::unexpected(under_test.error());
    auto scene = Scene::build(under_test->kernel, scale);
    if (!scene) return tl::unexpected(scene.error());
    auto stage = Stage::create(under_test->kernel.maps());
    if (!stage) return tl::unexpected(stage.error());
    auto tables = FlowTables::create(scene->maps(), scene->slots());
    if (!tables) return tl::unexpected(tables.error());
    Measure measure(*under_test, *scene, *tables, *stage, options.effort);
    Report report{.scale = scale, .rows = {}};
    for (const Situation& situation : situations()) {
        if (situation.name.find(options.only) == std::string::npos) continue;
        for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
            const auto measured = measure.measure(situation, family);
            if (!measured) return tl::unexpected(measured.error());
            report.rows.push_back({.situation = situation, .family = family, .measurement = *measured});
        }
    }
    return report;
}

/// 0 = what is required holds.
int code_of(const Result<bool>& met) {
    if (!met) {
        spdlog::error("{}", met.error().text);
        return 2;
    }
    return *met ? 0 : 1;
}

int run_gap(const GapOptions& options) {
    const auto done = measure_gap(options);
    if (!done) spdlog::error("{}", done.error().text);
    return done ? 0 : 2;
}

int run(const Options& options) {
    const auto variants = measure_loads();
    if (!variants) {
        spdlog::error("{}", variants.error().text);
        return 2;
    }
    print(*variants);
    std::vector<Report> reports;
    for (const Scale& scale : options.scales) {
        auto report = measure_scale(options, scale);
        if (!report) {
            spdlog::error("{}", report.error().text);
            return 2;
        }
        print(*report);
        reports.push_back(std::move(*report));
    }
    const size_t misses = missed(reports);
    fmt::print("\n{} of the required ratios missed\n", misses);
    if (!options.json.empty()) {
        if (auto written = write_json(*variants, reports, options.json); !written) {
            spdlog::error("{}", written.error().text);
            return 2;
        }
    }
    return misses == 0 ? 0 : 1;
}

std::vector<Scale> parse_scales(const std::vector<std::string>& words) {
    std::vector<Scale> scales;
    for (const std::string& word : words) {
        Scale scale;
        const size_t separator = word.find('x');
        scale.endpoints = static_cast<uint32_t>(std::stoul(word.substr(0, separator)));
        scale.tenants =
            separator == std::string::npos ? 2 : static_cast<uint32_t>(std::stoul(word.substr(separator + 1)));
        scales.push_back(scale);
    }
    return scales;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"What a packet costs in the kernel programs, next to a program that does only a parse, two hash "
                 "look-ups and a counter"};
    Options options;
    std::vector<std::string> scales;
    bool quick = false;
    app.add_option("--json", options.json, "write the results there too")->type_name("FILE");
    app.add_option("--only", options.only, "only situations whose name contains this")->type_name("TEXT");
    app.add_option("--scale", scales, "instead of the usual ones")->type_name("ENDPOINTSxTENANTS");
    app.add_flag("--quick", quick, "fewer packets: some percent less exact");
    AgentOptions agent_options;
    agent_options.binary = std::filesystem::read_symlink("/proc/self/exe").replace_filename("bulkhead-agent");
    CLI::App* agent =
        app.add_subcommand("agent", "what the agent takes: time to start, memory, time for one changed pod");
    agent->add_option("--json", agent_options.json, "write the results there too")->type_name("FILE");
    agent->add_option("--pods", agent_options.pods, "in the cluster");
    GapOptions gap_options;
    gap_options.binary = agent_options.binary;
    CLI::App* gap = app.add_subcommand("gap", "how long another agent's filter that hides ours stays in front of it");
    gap->add_option("--json", gap_options.json, "write the results there too")->type_name("FILE");
    gap->add_option("--filters", gap_options.filters, "how many by clsact");
    gap->add_option("--programs", gap_options.programs, "how many by tcx");
    FloodOptions flood_options;
    CLI::App* flood = app.add_subcommand("flood", "what a flood of SYNs costs allowed packets on another CPU");
    flood->add_option("--json", flood_options.json, "write the results there too")->type_name("FILE");
    flood->add_option("--blocks", flood_options.blocks, "of two seconds each way")->check(CLI::PositiveNumber);
    AgentFloodOptions agent_flood_options;
    agent_flood_options.binary = agent_options.binary;
    CLI::App* agent_flood = app.add_subcommand("agent-flood", "what a flood of SYNs costs the agent's CPU");
    agent_flood->add_option("--json", agent_flood_options.json, "write the results there too")->type_name("FILE");
    agent_flood->add_option("--seconds", agent_flood_options.seconds, "of each row")->check(CLI::PositiveNumber);
    VisibilityOptions visibility_options;
    CLI::App* visibility = app.add_subcommand("visibility", "what --flow-visibility costs packets that pass");
    visibility->add_option("--json", visibility_options.json, "write the results there too")->type_name("FILE");
    visibility->add_option("--rounds", visibility_options.rounds, "of each setting")->check(CLI::PositiveNumber);
    StartupOptions startup_options;
    startup_options.binary = agent_options.binary;
    CLI::App* startup =
        app.add_subcommand("startup", "how long a new pod is unguarded, and what gets through meanwhile");
    startup->add_option("--json", startup_options.json, "write the results there too")->type_name("FILE");
    startup->add_option("--pods", startup_options.pods, "to start")->check(CLI::Range(1, BENCH_MOST_PODS - 1));
    startup->add_option("--burst", startup_options.burst, "of them at a time")->check(CLI::PositiveNumber);
    startup->add_option("--others", startup_options.others, "pods elsewhere in the cluster");
    CLI11_PARSE(app, argc, argv);
    if (startup->parsed()) return code_of(measure_startup(startup_options));
    if (flood->parsed()) return code_of(measure_flood(flood_options));
    if (agent_flood->parsed()) return code_of(measure_agent_flood(agent_flood_options));
    if (gap->parsed()) return run_gap(gap_options);
    if (agent->parsed()) return code_of(measure_agent(agent_options));
    if (visibility->parsed()) return code_of(measure_visibility(visibility_options));
    if (!scales.empty()) options.scales = parse_scales(scales);
    if (quick) options.effort = {.blocks = 2, .passes = 3, .packets_per_pass = 65536};
    return run(options);
}
