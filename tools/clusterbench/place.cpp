// SPDX-License-Identifier: Apache-2.0
#include "place.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace bulkhead::bench {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kNet = "bench";
constexpr auto kServer = "api-server";
constexpr auto kServerAddress = "10.0.0.200";
const fs::path kBpffs = "/run/bpf";
const fs::path kSocket = "/run/agent.sock";

Result<> podnet(std::vector<std::string> words) {
    words.insert(words.begin(), {BULKHEAD_PODNET, "--net", kNet});
    if (auto done = test::run_command(words, 60s); !done) return tl::unexpected(done.error());
    return {};
}

Result<> kubectl(const test::ApiServer& server, const std::vector<std::string>& words, const std::string& input = {}) {
    const auto answer = server.kubectl(words, input);
    if (answer.status != 0) return fail("kubectl " + words.front() + ": " + answer.output);
    return {};
}

Result<> install(const test::ApiServer& server) {
    const json address{{"type", "InternalIP"}, {"address", "10.0.0.11"}};
    const json node{{"apiVersion", "v1"},
                    {"kind", "Node"},
                    {"metadata", {{"name", Place::kNode}}},
                    {"status", {{"addresses", {address}}}}};
    for (const auto& words : {std::vector<std::string>{"apply", "-k", BULKHEAD_MANIFESTS "/crds"},
                              {"wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"}})
        if (auto done = kubectl(server, words); !done) return done;
    return kubectl(server, {"apply", "-f", "-"}, node.dump());
}

/// proc(5)
Result<uint64_t> bytes_in_status(pid_t pid, const std::string& name) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(name)) return std::stoull(line.substr(name.size())) * 1024;
    return fail("read the memory of process " + std::to_string(pid));
}

} // namespace

Result<> isolate(const fs::path& temporary) {
    if (unshare(CLONE_NEWNS) != 0) return fail("make a mount namespace", errno);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return fail("make mounts private", errno);
    if (mount("run", "/run", "tmpfs", 0, nullptr) != 0) return fail("mount a /run", errno);
    std::error_code error;
    fs::create_directory(kBpffs, error);
    if (error) return fail("create " + kBpffs.string(), error.value());
    if (mount("bpf", kBpffs.c_str(), "bpf", 0, nullptr) != 0) return fail("mount a bpffs", errno);
    setenv("TMPDIR", temporary.c_str(), 1);
    return {};
}

Result<Place> Place::create() {
    if (auto up = podnet({"up", "--ip4", "10.0.0.11", kNode}); !up) return tl::unexpected(up.error());
    if (auto made = podnet({"resource", "--ip4", kServerAddress, kServer}); !made) return tl::unexpected(made.error());
    const std::string net = kNet;
    auto node = test::Netns::open(net + "-node-" + kNode);
    if (!node) return tl::unexpected(node.error());
    const auto home = test::Netns::open(net + "-resource-" + kServer);
    if (!home) return tl::unexpected(home.error());
    auto server = test::ApiServer::create({.netns = home->name(), .address = kServerAddress});
    if (!server) return tl::unexpected(server.error());
    if (auto installed = install(*server); !installed) return tl::unexpected(installed.error());
    home->enter();
    return Place(std::move(*node), std::move(*server));
}

Result<> Place::wire(const std::string& pod, const Address& address) const {
    return podnet({"add", "--ip4", address.text(), kNode, pod});
}

Result<Agent> Agent::start(const Place& place, const fs::path& kubeconfig) {
    auto process = test::Process::start({BULKHEAD_AGENT, "--source", "kube", "--kubeconfig", kubeconfig, "--node-name",
                                         Place::kNode, "--pin-dir", kBpffs / "bulkhead", "--socket", kSocket,
                                         "--metrics-address", "", "--log-level", "warn"},
                                        {.netns = &place.node(), .input = "", .ends_with_thread = true});
    if (!process) return tl::unexpected(process.error());
    return Agent(std::move(*process));
}

fs::path Agent::map(const std::string& name) {
    return kBpffs / "bulkhead" / "maps" / name;
}

Result<json> Agent::status() const {
    const auto answer = test::run_command({BULKHEAD_CTL, "--socket", kSocket, "status", "-o", "json"});
    if (!answer) return tl::unexpected(answer.error());
    auto status = json::parse(*answer, nullptr, false);
    if (!status.is_object()) return fail("ask the agent: " + *answer);
    return status;
}

Result<json> Agent::wait_until_ready(std::chrono::seconds patience) {
    for (const auto deadline = test::after(patience); test::Clock::now() < deadline;) {
        if (auto now = status(); now && now->value("ready", false)) return now;
        if (!process_.running()) return fail("start the agent: it ended: " + log());
        std::this_thread::sleep_for(5ms);
    }
    return fail("start the agent: it doesn't get ready: " + log());
}

void Agent::stop() {
    (void)process_.stop(test::after(30s));
}

Result<uint64_t> resident_bytes(pid_t pid) {
    return bytes_in_status(pid, "VmRSS:");
}

Result<uint64_t> most_resident_bytes(pid_t pid) {
    return bytes_in_status(pid, "VmHWM:");
}

/// proc(5): the 14th and 15th word, of which the second is the name, in parentheses.
Result<double> cpu_seconds(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream words(line.substr(std::min(line.find(") "), line.size())));
    std::string word;
    for (int i = 0; i < 12; ++i)
        words >> word;
    double user = 0;
    double system = 0;
    if (!(words >> user >> system)) return fail("read the CPU time of process " + std::to_string(pid));
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

} // namespace bulkhead::bench
