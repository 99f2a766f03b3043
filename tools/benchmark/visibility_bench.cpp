// SPDX-License-Identifier: Apache-2.0
#include "visibility_bench.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "measure.h"

namespace bulkhead::bench {

namespace {

constexpr double kAllowed = 1.05; // times what it costs with `off`
constexpr std::array kSettings = {std::pair{BH_VISIBLE_OFF, "off"}, std::pair{BH_VISIBLE_DENIED, "denied"},
                                  std::pair{BH_VISIBLE_CONVERSATIONS, "conversations"}};
constexpr std::array kMeasured = {"to-pod, TCP data, open", "to-pod, SYN"};
constexpr Scale kScale{.endpoints = 1000, .tenants = 100};

/// Times the floor, by the situation and the setting.
using Ratios = std::map<std::pair<std::string, std::string>, std::vector<double>>;

Result<> measure_setting(bh_visibility visibility, const std::string& setting, Ratios& ratios) {
    auto under_test = load_under_test(visibility);
    if (!under_test) return tl::unexpected(under_test.error());
    auto scene = Scene::build(under_test->kernel, kScale);
    if (!scene) return tl::unexpected(scene.error());
    auto stage = Stage::create(under_test->kernel.maps());
    if (!stage) return tl::unexpected(stage.error());
    auto tables = FlowTables::create(scene->maps(), scene->slots());
    if (!tables) return tl::unexpected(tables.error());
    Measure measure(*under_test, *scene, *tables, *stage, {});
    for (const Situation& situation : situations()) {
        if (std::ranges::find(kMeasured, situation.name) == kMeasured.end()) continue;
        const auto measured = measure.measure(situation, BH_IPV4);
        if (!measured) return tl::unexpected(measured.error());
        ratios[{situation.name, setting}].push_back(measured->ratio);
    }
    return {};
}

double median_of(std::vector<double> values) {
    std::ranges::sort(values);
    return values.at(values.size() / 2);
}

Result<> write_json(const Ratios& ratios, const std::string& path) {
    nlohmann::json results = nlohmann::json::array();
    for (const auto& [of, values] : ratios)
        results.push_back({{"situation", of.first},
                           {"visibility", of.second},
                           {"ratio_to_floor", median_of(values)},
                           {"rounds", values}});
    std::ofstream file(path);
    file << nlohmann::json{{"required", kAllowed}, {"results", std::move(results)}}.dump(2) << '\n';
    if (!file.flush()) return fail("write " + path, errno);
    return {};
}

} // namespace

Result<bool> measure_visibility(const VisibilityOptions& options) {
    Ratios ratios;
    for (unsigned round = 0; round < options.rounds; ++round)
        for (const auto& [visibility, setting] : kSettings)
            if (auto done = measure_setting(visibility, setting, ratios); !done) return tl::unexpected(done.error());
    fmt::print("{:<24} {:>14} {:>14}   (times the floor, medians of {} rounds)\n", "", "to the floor", "to `off`",
               options.rounds);
    for (const std::string situation : kMeasured)
        for (const auto& [visibility, setting] : kSettings) {
            const double ratio = median_of(ratios[{situation, setting}]);
            fmt::print("{:<24} {:>14.2f} {:>14.2f}   {}\n", situation, ratio,
                       ratio / median_of(ratios[{situation, "off"}]), setting);
        }
    if (!options.json.empty())
        if (auto written = write_json(ratios, options.json); !written) return tl::unexpected(written.error());
    return median_of(ratios[{kMeasured[0], "denied"}]) <= kAllowed * median_of(ratios[{kMeasured[0], "off"}]);
}

} // namespace bulkhead::bench
