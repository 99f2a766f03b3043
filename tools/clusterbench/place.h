// SPDX-License-Identifier: Apache-2.0
//
// Where the benches of this folder happen: an API server with its etcd and one simulated node, on podnet's VPC, below a
// /run and a bpffs that only this process and its children see. Nothing of it is left, however the bench ends.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/address.h"
#include "support/api_server.h"

namespace bulkhead::bench {

/// Moves this process into mounts of its own, and sets where temporary files (so also etcd's) go. First of all, before
/// there are threads.
Result<> isolate(const std::filesystem::path& temporary);

class Place {
public:
    static constexpr auto kNode = "node-a";

    /// The server is ready, and has our CRDs and the Node's object; the calling thread is in the server's network.
    static Result<Place> create();

    test::ApiServer& server() { return server_; }
    const test::ApiServer& server() const { return server_; }
    const test::Netns& node() const { return node_; }

    /// The veth, the route and the namespace of a pod, as the VPC CNI makes them.
    Result<> wire(const std::string& pod, const Address& address) const;

private:
    Place(test::Netns node, test::ApiServer server) : node_(std::move(node)), server_(std::move(server)) {}

    test::Netns node_;
    test::ApiServer server_;
};

/// The agent under test, on the place's node.
class Agent {
public:
    static Result<Agent> start(const Place& place, const std::filesystem::path& kubeconfig);

    /// Says what /v1/status says, once it is ready.
    Result<nlohmann::json> wait_until_ready(std::chrono::seconds patience);
    Result<nlohmann::json> status() const;

    static std::filesystem::path map(const std::string& name);
    pid_t pid() const { return process_.pid(); }
    std::string log() const { return process_.output(); }
    /// By SIGTERM; what it pinned stays.
    void stop();

private:
    explicit Agent(test::Process process) : process_(std::move(process)) {}

    test::Process process_;
};

/// Of a process: bytes now, bytes at most, and seconds of CPU time so far.
Result<uint64_t> resident_bytes(pid_t pid);
Result<uint64_t> most_resident_bytes(pid_t pid);
Result<double> cpu_seconds(pid_t pid);

} // namespace bulkhead::bench
