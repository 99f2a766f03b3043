// SPDX-License-Identifier: Apache-2.0
//
// Where an agent starts, and where it says in one sentence why it can't.
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/utsname.h>

#include <algorithm>

#include "fixture.h"

namespace bulkhead::test {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr int kUnfitKernel = 3;
constexpr int kForbidden = 4;

std::string release() {
    utsname names{};
    REQUIRE(uname(&names) == 0);
    return names.release;
}

size_t lines_in(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// An agent that needs nothing but a kernel: its exit status and output.
std::pair<int, std::string> try_to_start(const Net& net, std::vector<std::string> before = {},
                                         const std::string& attach = "auto") {
    const std::string place = net.directory() / "start";
    before.insert(before.end(),
                  {BULKHEAD_AGENT, "--source", "dir:" + net.manifests().directory().string(), "--pin-dir",
                   place + ".pins", "--socket", place + ".sock", "--metrics-address", "", "--attach", attach});
    return run_in(net.node(kNodeA).netns, before);
}

TEST_CASE("status and the log name every feature of the kernel") {
    const Net net = Net::create();
    const auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    const Json kernel = agent.ask({"status"}).at("kernel");
    CHECK(kernel.at("release") == release());
    CHECK_THAT(agent.output(), ContainsSubstring("kernel " + release() + ": "));
    for (const char* needed : {"capBpf", "memlock", "ringBuffer", "jiffies64", "boundedLoops", "innerMaps"}) {
        CHECK(kernel.at("features").at(needed) == true);
        CHECK_THAT(agent.output(), ContainsSubstring(needed));
    }
    for (const char* optional : {"btf", "tcx"}) {
        CHECK(kernel.at("features").at(optional).is_boolean());
        CHECK_THAT(agent.output(), ContainsSubstring(optional));
    }
}

TEST_CASE("without capabilities an agent says so in one line, has an exit code for it and leaves nothing") {
    const Net net = Net::create();
    const auto [status, output] = try_to_start(net, {"setpriv", "--inh-caps=-all", "--bounding-set=-all"});
    CHECK(status == kForbidden);
    CHECK(lines_in(output) == 1);
    CHECK_THAT(output, ContainsSubstring("may not load BPF programs: run as root, or with CAP_BPF"));
    CHECK_FALSE(std::filesystem::exists(net.directory() / "start.pins"));
}

TEST_CASE("asked for tcx, an agent attaches by it, or says that this kernel has none and has an exit code for it") {
    const Net net = Net::create();
    if (kernel_has_tcx()) {
        const auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = "tcx"});
        CHECK(agent.ask({"status"}).at("attach").at("mode") == "tcx");
        return;
    }
    const auto [status, output] = try_to_start(net, {}, "tcx");
    CHECK(status == kUnfitKernel);
    CHECK_THAT(output, ContainsSubstring("attach by tcx: this kernel has none (Linux 6.6 does); use clsact"));
}

} // namespace
} // namespace bulkhead::test
