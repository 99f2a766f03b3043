// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <spdlog/fmt/fmt.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

namespace bulkhead::bench {

namespace {

double rounded(double value, double unit) {
    return std::round(value / unit) * unit;
}

void print_row(const Row& row) {
    const Measurement& m = row.measurement;
    std::string verdict = "-";
    if (row.situation.bound != kUnbounded)
        verdict = fmt::format("<= {:<4} {}", row.situation.bound, row.met() ? "ok" : "missed");
    fmt::print("  {:<40} {}  {:7.1f} {:7.1f} {:7.2f}  {}\n", row.situation.name, row.family == BH_IPV4 ? "v4" : "v6",
               m.ns, m.floor_ns, m.ratio, verdict);
}

nlohmann::json as_json(const Row& row) {
    nlohmann::json json{{"situation", row.situation.name},
                        {"family", row.family == BH_IPV4 ? "ipv4" : "ipv6"},
                        {"ns", rounded(row.measurement.ns, 0.1)},
                        {"floor_ns", rounded(row.measurement.floor_ns, 0.1)},
                        {"nothing_ns", rounded(row.measurement.nothing_ns, 0.1)},
                        {"ratio", rounded(row.measurement.ratio, 0.01)}};
    if (row.situation.bound != kUnbounded) {
        json["required"] = row.situation.bound;
        json["met"] = row.met();
    }
    return json;
}

nlohmann::json as_json(const Variant& variant) {
    nlohmann::json programs = nlohmann::json::array();
    for (const auto& program : variant.programs)
        programs.push_back({{"name", program.name},
                            {"verified_instructions", program.instructions},
                            {"jited_bytes", program.jited_bytes}});
    return {{"variant", variant.name},
            {"load_ms", rounded(variant.load_milliseconds, 1)},
            {"programs", std::move(programs)}};
}

std::string processor() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "unknown";
}

} // namespace

void print(const Report& report) {
    fmt::print("\n{}\n  {:<40}     {:>7} {:>7} {:>7}  {}\n", report.scale.text(), "", "ns", "floor", "ratio",
               "required");
    for (const Row& row : report.rows)
        print_row(row);
}

void print(const std::vector<Variant>& variants) {
    fmt::print("programs as loaded\n  {:<12} {:<12} {:>22} {:>11} {:>12}\n", "", "", "instructions verified",
               "JIT bytes", "load of all");
    for (const Variant& variant : variants)
        for (const auto& program : variant.programs)
            fmt::print("  {:<12} {:<12} {:>22} {:>11} {:>9.0f} ms\n", variant.name, program.name, program.instructions,
                       program.jited_bytes, variant.load_milliseconds);
}

Result<> write_json(const std::vector<Variant>& variants, const std::vector<Report>& reports, const std::string& path) {
    utsname name{};
    uname(&name);
    nlohmann::json json{{"kernel", name.release},
                        {"processor", processor()},
                        {"loads", nlohmann::json::array()},
                        {"scales", nlohmann::json::array()}};
    for (const Variant& variant : variants)
        json["loads"].push_back(as_json(variant));
    for (const Report& report : reports) {
        nlohmann::json rows = nlohmann::json::array();
        for (const Row& row : report.rows)
            rows.push_back(as_json(row));
        json["scales"].push_back(
            {{"endpoints", report.scale.endpoints}, {"tenants", report.scale.tenants}, {"results", std::move(rows)}});
    }
    std::ofstream file(path);
    file << json.dump(2) << '\n';
    if (!file.flush()) return fail("write " + path, errno);
    return {};
}

size_t missed(const std::vector<Report>& reports) {
    return std::accumulate(reports.begin(), reports.end(), size_t{0}, [](size_t sum, const Report& report) {
        return sum + static_cast<size_t>(std::ranges::count_if(report.rows, [](const Row& row) { return !row.met(); }));
    });
}

} // namespace bulkhead::bench
