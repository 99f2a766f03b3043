// SPDX-License-Identifier: Apache-2.0
//
// `bulkheadctl advise`: from what was refused to the YAML that would let it pass, and whether a change would.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bulkheadctl/client.h"
#include "bulkheadctl/seen.h"
#include "flow/query.h"

namespace CLI {
class App;
} // namespace CLI

namespace bulkhead::ctl {

/// Which refusals are asked about.
struct AdviceQuestion {
    std::string tenant;                // whose pods and resources refused them, or whose confinement; empty = anybody's
    std::optional<flow::Time> since{}; // seen since then
};

/// Of the agent's answer to /v1/edges. An error names the edge that can't be read.
Result<std::vector<advise::Refusal>> refusals_in(const nlohmann::ordered_json& edges, const AdviceQuestion& question);

struct Planned {
    std::vector<advise::Refusal> refusals{};
    std::vector<advise::Remark> untold{}; // of which nobody can tell: nothing is to be granted for a guess
};

/// Of the agent's answer to /v1/plan: what would be refused, or audited.
Result<Planned> refusals_of_plan(const nlohmann::ordered_json& plan);

/// Of flows as `bulkheadctl flows -o json` writes them.
std::vector<advise::Refusal> refusals_of(const std::vector<flow::Record>& records, const AdviceQuestion& question);

struct AdviseOptions {
    std::string tenant;
    std::string protect;
    std::string since;
    std::vector<std::string> input_files;
    std::vector<std::string> check;
    std::vector<std::string> manifests;
};

/// `options` has to outlive the app.
void add_advise_options(CLI::App& command, AdviseOptions& options);

/// Returns how the program ends.
int show_advice(const AdviseOptions& options, const Whom& whom);

} // namespace bulkhead::ctl
