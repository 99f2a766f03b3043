// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include "delay_bench.h"
#include "figures.h"
#include "lookups_bench.h"
#include "scale_bench.h"
#include "size_bench.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::bench;

int exit_code(const Result<bool>& met) {
    if (!met) spdlog::error("{}", met.error().text);
    return !met ? 2 : *met ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"What costs how much, and takes how long, with a real API server"};
    app.require_subcommand(1);
    std::string data = "/dev/shm";
    app.add_option("--data", data, "where etcd keeps its data: in memory, unless told otherwise")
        ->capture_default_str()
        ->type_name("DIRECTORY");
    app.fallthrough();
    DelayOptions delay_options;
    CLI::App* delay = app.add_subcommand("delay", "how long a change takes from the API server to the kernel");
    delay->add_option("--json", delay_options.json, "write the results there too")->type_name("FILE");
    delay->add_option("--pods", delay_options.pods, "on other nodes");
    delay->add_option("--rate", delay_options.changes_per_second, "changes a second")->capture_default_str();
    delay->add_option("--seconds", delay_options.seconds, "for which there are changes")->capture_default_str();
    SizeOptions size_options;
    CLI::App* size = app.add_subcommand("size", "what an agent takes in a large cluster: first sync, memory, idle CPU");
    size->add_option("--json", size_options.json, "write the results there too")->type_name("FILE");
    size->add_option("--pods", size_options.pods, "in the cluster");
    ScaleOptions scale_options;
    CLI::App* scale = app.add_subcommand("scale", "what many agents ask of the API server");
    scale->add_option("--json", scale_options.json, "write the results there too")->type_name("FILE");
    scale->add_option("--agents", scale_options.agents, "simulated");
    scale->add_option("--seconds", scale_options.seconds, "of rest, and of churn")->capture_default_str();
    LookUpsOptions look_up_options;
    CLI::App* look_ups = app.add_subcommand("lookups", "what looking AWSResources up costs, and how long it takes");
    look_ups->add_option("--json", look_up_options.json, "write the results there too")->type_name("FILE");
    look_ups->add_option("--interval", look_up_options.interval, "seconds between two sweeps")->capture_default_str();
    look_ups->add_option("--seconds", look_up_options.seconds, "for which calls are counted")->capture_default_str();
    look_ups->add_option("--changes", look_up_options.changes, "in DNS, and as many in AWS")->capture_default_str();
    look_ups->add_option("--ends", look_up_options.ends, "of leaders")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    keep_data_in(data);
    if (size->parsed()) return exit_code(measure_size(size_options));
    if (scale->parsed()) return exit_code(measure_scale(scale_options));
    if (look_ups->parsed()) return exit_code(measure_look_ups(look_up_options));
    return exit_code(measure_delay(delay_options));
}
