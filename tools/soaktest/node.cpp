// SPDX-License-Identifier: Apache-2.0
#include "node.h"

#include <fstream>

#include "bulkheadctl/client.h"
#include "manifests.h"

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;
using test::after;

constexpr auto kPause = 150ms; // between two looks
constexpr auto kEnd = 60s;
constexpr auto kUntilStopped = 250ms; // all of its threads

} // namespace

Node::Node(size_t number, Where where, Ledger& ledger)
    : number_(number), where_(std::move(where)), ledger_(ledger), watch_([this] { watch(); }) {}

Node::~Node() {
    over_ = true;
    if (process_) signal(SIGCONT);
    watch_.join();
}

Result<> Node::launch(const Build& build) {
    auto netns = test::Netns::open(where_.net + "-node-" + name());
    if (!netns) return tl::unexpected(netns.error());
    const std::vector<std::string> argv{build.program,
                                        "--node-name",
                                        name(),
                                        "--pin-dir",
                                        pin_dir(),
                                        "--socket",
                                        socket(),
                                        "--source",
                                        "dir:" + where_.source.string(),
                                        "--metrics-address",
                                        "",
                                        "--attach",
                                        build.attach,
                                        "--answer-mark",
                                        build.answer_mark,
                                        "--max-pods",
                                        "64",
                                        "--max-endpoints",
                                        "192",
                                        "--max-openings",
                                        "16",
                                        "--max-identities",
                                        "48"};
    process_.reset();
    ++launches_;
    silent_from(Time::max());
    auto started = test::Process::start(argv, {.netns = &*netns});
    if (!started) return tl::unexpected(started.error());
    process_.emplace(std::move(*started));
    return {};
}

void Node::kill() {
    if (!process_) return;
    signal(SIGKILL);
    if (!process_->wait(after(kEnd))) ledger_.find(kAgentFailed, std::string(name()) + ": survives SIGKILL");
    silent_from(Clock::now());
    keep_log();
}

void Node::terminate() {
    if (!process_) return;
    const auto status = process_->stop(after(kEnd));
    if (status != 0)
        ledger_.find(kAgentFailed, std::string(name()) + ": SIGTERM ends it with " +
                                       (status ? "status " + std::to_string(*status) : "nothing, it runs on"));
    else
        silent_from(Clock::now());
    keep_log();
}

void Node::signal(int number) {
    if (!process_) return;
    if (number == SIGCONT) silent_from(Time::max());
    process_->signal(number);
    if (number == SIGSTOP) silent_from(Clock::now() + kUntilStopped);
}

bool Node::answers(test::Deadline deadline) const {
    return test::wait_until([&] { return answered_ == launches_; }, deadline, 20ms);
}

bool Node::settles(test::Deadline deadline) const {
    return test::wait_until([&] { return settled_ == launches_; }, deadline, 20ms);
}

bool Node::ended() {
    if (!process_) return true;
    const auto status = process_->wait(Clock::now());
    if (!status) return false;
    if (std::exchange(told_end_, launches_.load()) == launches_) return true;
    keep_log();
    ledger_.find(kAgentFailed, std::string(name()) + ": ended by itself, status " + std::to_string(*status) + ": " +
                                   process_->output());
    return true;
}

uint64_t Node::generation() const {
    const std::scoped_lock lock(mutex_);
    return in_force_;
}

bool Node::knows(const Pod& pod) const {
    const std::scoped_lock lock(mutex_);
    const auto row = seen_.rows.find(pod.name);
    if (in_force_ < pod.told || row == seen_.rows.end()) return false;
    const auto& [addresses, state] = row->second;
    return addresses == std::set{pod.ip4.text(), pod.ip6.text()} &&
           state == (pod.node == number_ ? "guarded" : "remote");
}

Result<> Node::detach() const {
    auto netns = test::Netns::open(where_.net + "-node-" + name());
    if (!netns) return tl::unexpected(netns.error());
    auto done = test::Process::start({SOAK_AGENT, "detach", "--pin-dir", pin_dir()}, {.netns = &*netns});
    if (!done) return tl::unexpected(done.error());
    if (done->wait(after(kEnd)) != 0) return fail("detach " + pin_dir().string() + ": " + done->output());
    return {};
}

/// A generation is in force when it was listed in two looks: between them the agent's loop came round, and saw
/// whatever it may have overlooked while it read the whole directory.
void Node::watch() {
    uint64_t before = 0;
    while (!over_) {
        std::this_thread::sleep_for(kPause);
        const uint64_t launch = launches_;
        auto seen = launch == 0 ? std::nullopt : look();
        if (!seen) {
            before = 0;
            continue;
        }
        answered_ = launch;
        const bool in_force = is_in_force();
        const std::scoped_lock lock(mutex_);
        seen_ = std::move(*seen);
        if (in_force && before != 0) settled_ = launch;
        if (in_force) in_force_ = std::max(in_force_, std::min(before, seen_.generation));
        before = in_force ? seen_.generation : 0;
    }
}

std::optional<Node::Seen> Node::look() const {
    const auto answer = ctl::ask({.socket = socket()}, "/v1/endpoints", {});
    if (!answer) return std::nullopt;
    Seen seen;
    for (const auto& endpoint : answer->at("endpoints")) {
        const std::string name = endpoint.at("name");
        Row& row = seen.rows[name];
        row.state = endpoint.at("state");
        for (const std::string address : endpoint.at("addresses"))
            row.addresses.insert(address);
        if (name.starts_with(kMarkerPrefix)) seen.generation = std::stoull(name.substr(std::strlen(kMarkerPrefix)));
    }
    return seen;
}

bool Node::told_of_full(const std::string& map) const {
    const std::scoped_lock lock(mutex_);
    return errors_.find("to map " + map) != std::string::npos;
}

void Node::forget_full() {
    const std::scoped_lock lock(mutex_);
    errors_.clear();
}

bool Node::is_in_force() {
    const auto status = ctl::ask({.socket = socket()}, "/v1/status", {});
    if (status && status->at("inSync") == false) {
        const std::scoped_lock lock(mutex_);
        for (const auto& error : status->at("errors"))
            errors_ += error.get<std::string>() + "\n";
    }
    return status && status->at("inSync") == true && status->at("source").at("synced") == true &&
           status->at("source").at("ageSeconds") == 0;
}

void Node::keep_log() {
    std::ofstream(where_.logs + name() + ".log", std::ios::app) << process_->output() << "-- ended\n";
}

} // namespace bulkhead::soak
