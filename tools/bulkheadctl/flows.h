// SPDX-License-Identifier: Apache-2.0
//
// `bulkheadctl flows`: what an agent remembers and sees, or what a file keeps, chosen and printed.
#pragma once

#include <string>

#include "bulkheadctl/client.h"
#include "flow/query.h"

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace bulkhead::ctl {

struct FlowsOptions {
    flow::Query query; // its filters are read as they come, because of --not
    bool negates_next = false;
    std::optional<size_t> last;
    bool all = false;
    bool follow = false;
    std::string since;
    std::string until;
    std::string output = "compact";
    std::string time_format = "time";
    bool no_names = false;
    std::string colour = "auto";
    std::string input_file;
};

/// Flags for all of it; the filters' come from flow::filter_kinds(). `options` has to outlive the app.
void add_flows_options(CLI::App& command, FlowsOptions& options);

/// The filters alone. Takes the command's final callback.
void add_filters(CLI::App& command, FlowsOptions& options);

/// --color
CLI::Option* add_colour(CLI::App& command, std::string& colour);

/// Returns how the program ends.
int show_flows(FlowsOptions options, const Whom& whom);

} // namespace bulkhead::ctl
