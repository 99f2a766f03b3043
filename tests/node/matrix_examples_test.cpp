// SPDX-License-Identifier: Apache-2.0
//
// The promise of the whole, on the example cluster: what real sockets find is what the oracle says, while the
// agents live, after they have ended, and not any longer once they are detached.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "attach_modes.h"
#include "matrix/report.h"
#include "matrix_support.h"

namespace bulkhead::test {
namespace {

template <typename T>
T require(Result<T> result) {
    if (!result) FAIL(result.error().text);
    return std::move(*result);
}

using Placement = ExampleNet::Placement;

ExampleNet example_net(Placement placement = Placement::kAsWritten) {
    if (geteuid() != 0) SKIP("needs root");
    return require(ExampleNet::create(placement));
}

std::vector<matrix::Cell> cells_of(const ExampleNet& net, const matrix::Expectation& expectation) {
    return require(matrix::measure(net.scene(), expectation));
}

void check_matrix(const ExampleNet& net, const matrix::Expectation& expectation) {
    const auto cells = cells_of(net, expectation);
    const auto summary = matrix::summarize(net.scene(), cells);
    INFO(matrix::summary_text(net.scene(), summary, false));
    CHECK(summary.differences.empty());
}

std::vector<NodeAgent> agents_on_all_nodes(const ExampleNet& net, const std::string& attach) {
    std::vector<NodeAgent> agents;
    for (const std::string& node : net.nodes())
        agents.push_back(require(NodeAgent::start(net, node, attach)));
    return agents;
}

bool is_loaded(const std::string& program) {
    return run_command({"bpftool", "prog", "show", "id", program}).has_value();
}

void check_nothing_is_left(const ExampleNet& net, const NodeAgent& agent, const std::vector<std::string>& programs) {
    CHECK_FALSE(std::filesystem::exists(agent.pin_dir()));
    for (const std::string& node : net.nodes())
        CHECK(require(attachments_in(require(net.netns_of(node)))) == std::vector<std::string>{});
    for (const std::string& program : programs) // the kernel frees them when it gets to it
        CHECK(wait_until([&] { return !is_loaded(program); }, after(10s), 20ms));
}

void end(std::vector<NodeAgent>& agents) {
    for (NodeAgent& agent : agents) {
        INFO(agent.output());
        CHECK(agent.stop() == 0);
    }
}

/// And sees that there was something, and that nothing is left of it.
void detach(const ExampleNet& net, const std::vector<NodeAgent>& agents) {
    std::vector<std::vector<std::string>> programs;
    for (const NodeAgent& agent : agents) {
        programs.push_back(require(agent.program_ids()));
        CHECK_FALSE(programs.back().empty());
    }
    for (const std::string& node : net.nodes())
        CHECK_FALSE(require(attachments_in(require(net.netns_of(node)))).empty());
    for (const NodeAgent& agent : agents)
        if (const auto detached = agent.detach(); !detached) FAIL(detached.error().text);
    for (size_t i = 0; i < agents.size(); ++i)
        check_nothing_is_left(net, agents[i], programs[i]);
}

void run_life_of_agents(const std::string& attach) {
    const ExampleNet net = example_net();
    const auto by_rule = matrix::expect_rule(net.objects());
    auto agents = agents_on_all_nodes(net, attach);
    check_matrix(net, by_rule);

    end(agents);
    check_matrix(net, by_rule);
    detach(net, agents);
    check_matrix(net, matrix::expect_open());
}

TEST_CASE("the examples' matrix is as the rule says, outlives the agents and ends with detach, by tcx") {
    if (!kernel_has_tcx()) SKIP("this kernel has no tcx");
    run_life_of_agents("tcx");
}

TEST_CASE("the examples' matrix is as the rule says, outlives the agents and ends with detach, by clsact") {
    run_life_of_agents("clsact");
}

TEST_CASE("the examples' matrix is as the rule says where all pods are on one node") {
    const ExampleNet net = example_net(Placement::kOneNode);
    size_t pods = 0;
    for (const auto& place : net.scene().places) {
        if (place.kind != matrix::Place::Kind::kPod) continue;
        CHECK(place.node == "node-a");
        ++pods;
    }
    REQUIRE(pods > 0);
    const auto agents = agents_on_all_nodes(net, "auto");
    check_matrix(net, matrix::expect_rule(net.objects()));
}

// For tools/kernels: as much of the above as one measurement can tell, which takes half a minute there.
TEST_CASE("the examples' matrix is as the rule says once the agents have ended, and detach leaves nothing",
          "[.kernels]") {
    const ExampleNet net = example_net();
    auto agents = agents_on_all_nodes(net, "auto");
    end(agents);
    check_matrix(net, matrix::expect_rule(net.objects()));
    detach(net, agents);
}

TEST_CASE("without agents the matrix tells every probe that the rule denies from those that it allows") {
    const ExampleNet net = example_net();
    const auto cells = cells_of(net, matrix::expect_rule(net.objects()));
    size_t denied = 0;
    for (const matrix::Cell& cell : cells) {
        denied += cell.expected.open ? 0 : 1;
        if (cell.differs() == cell.expected.open) FAIL_CHECK(cell.route.src->name << " -> " << cell.route.dst->name);
    }
    CHECK(denied > 0);
    CHECK(matrix::summarize(net.scene(), cells).differences.size() == denied);
}

TEST_CASE("the examples ask every line of the rule") {
    const ExampleNet net = example_net();
    const auto expectation = matrix::expect_rule(net.objects());
    std::set<std::string_view> lines;
    for (const auto& src : net.scene().places)
        for (const auto& dst : net.scene().places)
            for (const uint16_t port : net.scene().ports)
                lines.insert(require(expectation({&src, &dst, BH_IPV4, BH_TCP, port})).line);
    for (const auto line : {"self", "confined", "confined-audit", "open", "same-tenant", "local-host", "exposed",
                            "trusted", "granted", "not-granted", "audit"})
        CHECK(lines.contains(line));
}

} // namespace
} // namespace bulkhead::test
