// SPDX-License-Identifier: Apache-2.0
#include "matrix_support.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "source/check.h"

namespace bulkhead::test {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr auto kStartLimit = 60s; // loading programs on a busy machine

Result<std::string> podnet(const std::string& net, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {BULKHEAD_PODNET, "--net", net});
    return run_command(arguments, 60s);
}

Result<std::string> run_in(const Netns& netns, const std::vector<std::string>& argv) {
    auto process = Process::start(argv, &netns);
    if (!process) return tl::unexpected(process.error());
    const auto status = process->wait(after(20s));
    if (status != 0) return fail("run " + argv.front() + " in " + netns.name() + ": " + process->output());
    return process->output();
}

bool is_ready(const std::string& socket) {
    const auto answer = run_command({BULKHEAD_CTL, "--socket", socket, "status", "-o", "json"});
    if (!answer) return false;
    const Json status = Json::parse(*answer, nullptr, false);
    return status.is_object() && status.value("ready", false);
}

/// The same pods, with the addresses that they have, all on node-a; EndpointSlices say so, too.
void write_on_one_node(const fs::path& from, const fs::path& to) {
    const std::string there = "nodeName: node-b";
    fs::create_directories(to);
    for (const auto& entry : fs::directory_iterator(from)) {
        std::ifstream file(entry.path());
        std::string text(std::istreambuf_iterator<char>(file), {});
        for (auto at = text.find(there); at != std::string::npos; at = text.find(there, at))
            text.replace(at, there.size(), "nodeName: node-a");
        std::ofstream(to / entry.path().filename()) << text;
    }
}

} // namespace

Result<ExampleNet> ExampleNet::create(Placement placement) {
    static std::atomic<int> made{0};
    ExampleNet net("mx" + std::to_string(getpid()) + "n" + std::to_string(++made));
    if (auto built = net.build(placement); !built) return tl::unexpected(built.error());
    return net;
}

ExampleNet::ExampleNet(std::string name) : name_(std::move(name)), directory_(fs::path("/run") / ("bht-" + name_)) {}

ExampleNet::ExampleNet(ExampleNet&& other) noexcept
    : name_(std::exchange(other.name_, {})), directory_(std::move(other.directory_)),
      manifests_(std::move(other.manifests_)), nodes_(std::move(other.nodes_)), objects_(std::move(other.objects_)),
      scene_(std::move(other.scene_)) {}

ExampleNet::~ExampleNet() {
    if (name_.empty()) return;
    (void)podnet(name_, {"down"}); // ends agents that still run, too
    std::error_code ignored;
    for (const std::string& node : nodes_)
        (void)run_command({BULKHEAD_AGENT, "detach", "--pin-dir", directory_ / node});
    fs::remove_all(directory_, ignored);
}

Result<> ExampleNet::build(Placement placement) {
    manifests_ = BULKHEAD_EXAMPLES;
    if (placement == Placement::kOneNode) {
        manifests_ = directory_ / "manifests";
        write_on_one_node(BULKHEAD_EXAMPLES, manifests_);
    }
    std::vector<state::Problem> problems;
    objects_ = source::read_all({manifests_}, problems);
    if (!problems.empty()) return fail("read " + problems.front().origin + ": " + problems.front().text);
    for (const state::Object& object : objects_)
        if (const auto* node = std::get_if<state::Node>(&object)) nodes_.push_back(node->meta.name);
    fs::create_directories(directory_);

    const std::vector<std::vector<std::string>> steps{
        {"apply", manifests_},
        {"resource", "office", "--ip4", "10.0.210.5", "--ip6", "fd00:10:0:210::5"},
        {"resource", "internet", "--ip4", "203.0.113.10", "--ip6", "2001:db8::10"},
    };
    for (const auto& step : steps)
        if (auto done = podnet(name_, step); !done) return tl::unexpected(done.error());
    const auto listing = podnet(name_, {"ls", "-o", "json"});
    if (!listing) return tl::unexpected(listing.error());
    auto scene = matrix::read_scene(*listing, objects_);
    if (!scene) return tl::unexpected(scene.error());
    scene_ = std::move(*scene);
    return {};
}

Result<Netns> ExampleNet::netns_of(const std::string& node) const {
    return Netns::open(name_ + "-node-" + node);
}

Result<NodeAgent> NodeAgent::start(const ExampleNet& net, const std::string& node, const std::string& attach,
                                   const std::vector<std::string>& more) {
    auto netns = net.netns_of(node);
    if (!netns) return tl::unexpected(netns.error());
    const fs::path pin_dir = net.directory() / node;
    const std::string socket = net.directory() / (node + ".sock");
    std::vector<std::string> argv{BULKHEAD_AGENT,
                                  "--source",
                                  "dir:" + net.manifests().string(),
                                  "--node-name",
                                  node,
                                  "--pin-dir",
                                  pin_dir,
                                  "--socket",
                                  socket,
                                  "--metrics-address",
                                  "127.0.0.1:9810",
                                  "--attach",
                                  attach};
    argv.insert(argv.end(), more.begin(), more.end());
    auto process = Process::start(argv, &*netns);
    if (!process) return tl::unexpected(process.error());
    NodeAgent agent(std::move(*process), std::move(*netns), pin_dir, socket);
    const auto ended_or_ready = [&] { return !agent.process_.running() || is_ready(socket); };
    const bool decided = wait_until(ended_or_ready, after(kStartLimit), 50ms);
    if (!decided || !agent.process_.running()) return fail("wait for the agent of " + node + ": " + agent.output());
    return agent;
}

Result<> NodeAgent::detach() const {
    const auto done = run_in(netns_, {BULKHEAD_AGENT, "detach", "--pin-dir", pin_dir_});
    if (!done) return tl::unexpected(done.error());
    return {};
}

Result<std::vector<std::string>> NodeAgent::program_ids() const {
    std::vector<std::string> ids;
    for (const auto& pin : fs::directory_iterator(pin_dir_ / "programs")) {
        const auto shown = run_command({"bpftool", "-j", "prog", "show", "pinned", pin.path()});
        if (!shown) return tl::unexpected(shown.error());
        ids.push_back(Json::parse(*shown).at("id").dump());
    }
    return ids;
}

Result<std::vector<std::string>> attachments_in(const Netns& netns) {
    const auto attached = run_in(netns, {"bpftool", "-j", "net"});
    if (!attached) return tl::unexpected(attached.error());
    std::vector<std::string> found;
    const Json listed = Json::parse(*attached);
    for (const Json& one : listed.at(0).at("tc"))
        found.push_back(one.dump());
    const auto qdiscs = run_in(netns, {"tc", "qdisc", "show"});
    if (!qdiscs) return tl::unexpected(qdiscs.error());
    std::istringstream lines(*qdiscs);
    for (std::string line; std::getline(lines, line);)
        if (line.find("clsact") != std::string::npos) found.push_back(line);
    return found;
}

} // namespace bulkhead::test
