// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-matrix: who reaches whom in a net of podnet's, as the manifests say it and as real sockets find it.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "matrix/report.h"
#include "source/check.h"

namespace {

using namespace bulkhead;

constexpr const char* kFooter = "Exit codes: 0 as expected; 1 not so; 2 wrong usage; 3 could not be measured.\n"
                                "Example: podnet ls -o json | bulkhead-matrix manifests/examples/demo";
enum Exit { kAsExpected = 0, kDifferences = 1, kUsage = 2, kFailed = 3 };

struct Options {
    std::string manifests;
    std::string listing = "-";
    std::string expect = "rule";
    std::string output = "table";
    bool who = false;
};

Result<std::string> read_text(const std::string& path) {
    std::ifstream file;
    if (path != "-") file.open(path);
    std::istream& stream = path == "-" ? std::cin : file;
    if (!stream) return fail("read " + path, errno);
    return std::string(std::istreambuf_iterator<char>(stream), {});
}

Result<std::vector<state::Object>> read_manifests(const std::string& path) {
    std::vector<state::Problem> problems;
    auto objects = source::read_all({path}, problems);
    if (!problems.empty()) return fail("read " + problems.front().origin + ": " + problems.front().text);
    return objects;
}

bool wants_color() {
    const char* no_color = std::getenv("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    return isatty(STDOUT_FILENO) != 0 && (!no_color || !*no_color);
}

Result<int> run(const Options& options) {
    const auto listing = read_text(options.listing);
    if (!listing) return tl::unexpected(listing.error());
    const auto objects = read_manifests(options.manifests);
    if (!objects) return tl::unexpected(objects.error());
    const auto scene = matrix::read_scene(*listing, *objects);
    if (!scene) return tl::unexpected(scene.error());
    if (options.who) {
        std::cout << matrix::places_text(*scene);
        return kAsExpected;
    }
    const auto expectation = options.expect == "open" ? matrix::expect_open() : matrix::expect_rule(*objects);
    const auto cells = matrix::measure(*scene, expectation);
    if (!cells) return tl::unexpected(cells.error());
    const auto summary = matrix::summarize(*scene, *cells);
    std::cout << (options.output == "json" ? matrix::summary_json(*scene, summary, *cells)
                                           : matrix::summary_text(*scene, summary, wants_color()));
    return summary.differences.empty() ? kAsExpected : kDifferences;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Measures who reaches whom among simulated pods, nodes and AWS resources.", "bulkhead-matrix");
    app.footer(kFooter);
    app.add_option("MANIFESTS", options.manifests, "the directory that the agents read")->required();
    app.add_option("--listing", options.listing, "what `podnet ls -o json` printed; - is stdin")->capture_default_str();
    app.add_option("--expect", options.expect, "rule: what the manifests say; open: as without agents")
        ->check(CLI::IsMember({"rule", "open"}))
        ->capture_default_str();
    app.add_flag("--who", options.who, "only say who takes part");
    app.add_option("-o,--output", options.output, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kAsExpected : kUsage;
    }
    const auto result = run(options);
    if (result) return *result;
    std::cerr << "bulkhead-matrix: " << result.error().text << "\n";
    return kFailed;
}
