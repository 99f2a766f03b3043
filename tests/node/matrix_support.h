// SPDX-License-Identifier: Apache-2.0
//
// A cluster for tests of the whole: the examples as a net of podnet's, and agents on its nodes. All of it
// has names of this process' own and goes with the handles, so that it runs beside demos and other tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "matrix/matrix.h"
#include "matrix/summary.h"
#include "support/process.h"

namespace bulkhead::test {

/// The net of one test, built from the example manifests, with two addresses of the world beside them:
/// "office", which a grant of the examples names by CIDR, and "internet".
class ExampleNet {
public:
    enum class Placement : uint8_t {
        kAsWritten, // pods on both nodes
        kOneNode,   // every pod on node-a; what else there is stays, node-b included
    };

    static Result<ExampleNet> create(Placement placement = Placement::kAsWritten);
    ExampleNet(ExampleNet&& other) noexcept;
    ExampleNet& operator=(ExampleNet&&) = delete;
    ~ExampleNet();

    const std::vector<std::string>& nodes() const { return nodes_; }
    const std::vector<state::Object>& objects() const { return objects_; }
    const matrix::Scene& scene() const { return scene_; }

    Result<Netns> netns_of(const std::string& node) const;
    /// What the agents are told.
    const std::filesystem::path& manifests() const { return manifests_; }
    /// For sockets and pins.
    const std::filesystem::path& directory() const { return directory_; }

private:
    explicit ExampleNet(std::string name);
    Result<> build(Placement placement);

    std::string name_; // empty once moved from
    std::filesystem::path directory_;
    std::filesystem::path manifests_;
    std::vector<std::string> nodes_;
    std::vector<state::Object> objects_;
    matrix::Scene scene_;
};

/// The agent of one node.
class NodeAgent {
public:
    /// Comes back once it says that it is ready.
    static Result<NodeAgent> start(const ExampleNet& net, const std::string& node, const std::string& attach,
                                   const std::vector<std::string>& more = {});

    /// SIGTERM; its exit status.
    std::optional<int> stop() { return process_.stop(after(10s)); }
    /// Its `detach` command.
    Result<> detach() const;

    std::string output() const { return process_.output(); }
    std::filesystem::path pin_dir() const { return pin_dir_; }
    const std::string& socket() const { return socket_; }
    /// Ids of the programs that it pinned.
    Result<std::vector<std::string>> program_ids() const;

private:
    NodeAgent(Process process, Netns netns, std::filesystem::path pin_dir, std::string socket)
        : process_(std::move(process)), netns_(std::move(netns)), pin_dir_(std::move(pin_dir)),
          socket_(std::move(socket)) {}

    Process process_;
    Netns netns_;
    std::filesystem::path pin_dir_;
    std::string socket_;
};

/// What is attached to the devices of a namespace, by tcx or tc, and its clsact qdiscs: one line each.
Result<std::vector<std::string>> attachments_in(const Netns& netns);

} // namespace bulkhead::test
