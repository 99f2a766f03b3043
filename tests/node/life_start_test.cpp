// SPDX-License-Identifier: Apache-2.0
//
// Where an agent starts, and where it says in one sentence why it can't.
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>

#include "bpffs.h"
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

/// BPF maps and programs count against RLIMIT_MEMLOCK.
bool counts_locked_memory() {
    int major = 0;
    int minor = 0;
    REQUIRE(std::sscanf(release().c_str(), "%d.%d", &major, &minor) == 2);
    return std::pair(major, minor) < std::pair(5, 11);
}

/// What a command begins with that has only these capabilities ("-all,+bpf"), and the usual limit on locked memory.
std::vector<std::string> with_capabilities(const std::string& capabilities) {
    return {"prlimit", "--memlock=65536", "setpriv", "--inh-caps=-all", "--bounding-set=" + capabilities};
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
    for (const char* needed :
         {"capBpf", "capPerfmon", "memlock", "ringBuffer", "jiffies64", "boundedLoops", "innerMaps"}) {
        CHECK(kernel.at("features").at(needed) == true);
        CHECK_THAT(agent.output(), ContainsSubstring(needed));
    }
    for (const char* optional : {"btf", "tcx", "clsact"}) {
        CHECK(kernel.at("features").at(optional).is_boolean());
        CHECK_THAT(agent.output(), ContainsSubstring(optional));
    }
}

TEST_CASE("a right that is missing is said in one line, has an exit code, and nothing is left") {
    const Net net = Net::create();
    std::vector<std::pair<std::string, std::string>> rows{
        {"-all", "may not load BPF programs: run as root, or with CAP_BPF"},
        {"-perfmon", "may not load BPF programs that compute with packet pointers: run as root, or with CAP_BPF"}};
    if (counts_locked_memory())
        rows.emplace_back("-sys_resource", "the limit may not be raised: allow CAP_SYS_RESOURCE");
    for (const auto& [dropped, said] : rows) {
        INFO(dropped);
        // Who has CAP_SYS_ADMIN has the others too.
        const auto [status, output] = try_to_start(net, with_capabilities("-sys_admin," + dropped));
        CHECK(status == kForbidden);
        CHECK(lines_in(output) == 1);
        CHECK_THAT(output, ContainsSubstring(said));
        CHECK_FALSE(std::filesystem::exists(net.directory() / "start.pins"));
    }
}

TEST_CASE("the capabilities that are documented suffice where a bpffs is mounted") {
    const Net net = Net::create();
    const Place pod = net.add(kNodeA, "shop/web", 20);
    const Bpffs mounted(net.directory() / (kNodeA + ".pins"));
    const std::string needed =
        counts_locked_memory() ? "+bpf,+net_admin,+perfmon,+sys_resource" : "+bpf,+net_admin,+perfmon";
    auto agent = AgentProcess::start(net, net.node(kNodeA), {.before = with_capabilities("-all," + needed)});
    CHECK(agent.ask({"status"}).at("interfaces").at("guarded") == 1);
    CHECK(agent.process().stop(after(kEnd)) == 0);
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
    CHECK_FALSE(std::filesystem::exists(net.directory() / "start.pins"));
    CHECK_THAT(output, ContainsSubstring("attach by tcx: this kernel has none (Linux 6.6 does); use clsact"));
}

} // namespace
} // namespace bulkhead::test
