// SPDX-License-Identifier: Apache-2.0
//
// bulkhead-agent: wiring only.
#include <csignal>

#include <spdlog/spdlog.h>

#include "agent.h"
#include "datapath/detach.h"
#include "datapath/probe.h"
#include "flow/edge_file.h"
#include "found_file.h"
#include "options.h"
#include "servers.h"

namespace {

using namespace bulkhead;

constexpr auto kHeartbeatPeriod = std::chrono::seconds(1);

Result<> detach(const Options& options) {
    const auto report = options.node_wide ? datapath::detach_node() : datapath::detach(options.pin_dir);
    if (!report) return tl::unexpected(report.error());
    spdlog::info("detached {}: {} links, {} filters and {} qdiscs removed",
                 options.node_wide ? "the node" : options.pin_dir, report->links, report->filters, report->qdiscs);
    if (!options.found_file.empty())
        if (auto removed = FoundFile::remove(options.found_file); !removed) return removed;
    return options.edges_file.empty() ? Result<>{} : flow::remove_edge_file(options.edges_file);
}

/// First of all, so that a kernel or rights that don't suffice are said to be that.
Result<datapath::Features> look_at_kernel() {
    const auto features = datapath::probe_features();
    if (features)
        spdlog::info("kernel {}: {}; lacks {}", datapath::kernel_release(), names_of(*features, true),
                     names_of(*features, false));
    return features;
}

Result<> run(const Options& options) {
    const auto features = look_at_kernel();
    if (!features) return tl::unexpected(features.error());
    auto created = Loop::create();
    if (!created) return tl::unexpected(created.error());
    Loop& loop = **created;
    // Before any thread starts, so that none gets them.
    auto signals = loop.on_signals({SIGTERM, SIGINT}, [&loop](int) { loop.stop(); });
    if (!signals) return signals;
    api::Heartbeat heartbeat;
    auto pulse = loop.timer([&heartbeat] { heartbeat.beat(); });
    if (!pulse) return tl::unexpected(pulse.error());
    (*pulse)->arm_every(kHeartbeatPeriod);

    // The servers come first, so that a second agent refuses before it touches the kernel, and end first.
    std::unique_ptr<Agent> agent;
    const auto current = [&agent] { return agent.get(); };
    auto control = api::HttpServer::on_unix(options.socket, control_handler(loop, current), api::Methods::kChanging);
    if (!control) return tl::unexpected(control.error());
    std::unique_ptr<api::HttpServer> metrics;
    if (!options.metrics_address.empty()) {
        auto server = api::HttpServer::on_tcp(options.metrics_address, metrics_handler(loop, current, heartbeat));
        if (!server) return tl::unexpected(server.error());
        metrics = std::move(*server);
    }
    auto started = Agent::create(loop, options, *features);
    if (!started) return tl::unexpected(started.error());
    agent = std::move(*started);
    spdlog::info("guarding node {} by {}", options.node_name, options.source);
    const auto ended = loop.run();
    spdlog::info("ending; enforcement stays in place");
    return ended;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    if (const auto exit_code = parse(argc, argv, options)) return *exit_code;
    std::signal(SIGPIPE, SIG_IGN);
    if (auto log = log::set_up(options.log.level, options.log.format); !log) {
        std::fprintf(stderr, "bulkhead-agent: %s\n", log.error().text.c_str());
        return kWrongUsage;
    }
    const auto done = options.detach ? detach(options) : run(options);
    if (done) return kDone;
    spdlog::critical("{}", done.error().text);
    return exit_code_of(done.error());
}
