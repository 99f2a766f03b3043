// SPDX-License-Identifier: Apache-2.0
//
// The agents of all nodes, asked at once: `kubectl exec` into each of the DaemonSet's pods, with the user's own
// kubeconfig and whatever that needs to log in (EKS' exec plugin). A node that doesn't answer is named, and the rest
// shown. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bulkheadctl/client.h"
#include "bulkheadctl/crowd.h"

namespace bulkhead::ctl {

struct NodesOptions {
    bool all = false;
    std::vector<std::string> nodes; // these alone; empty = all
    std::string ns = "bulkhead-system";
    std::string kubeconfig; // kubectl's flags; empty = as kubectl has it
    std::string context;
    unsigned patience = 15; // seconds, with a node that says nothing

    bool wanted() const { return all || !nodes.empty(); }
};

class NodeLines;

class Nodes {
public:
    explicit Nodes(NodesOptions options) : options_(std::move(options)) {}

    /// The nodes' answers as one. Edges, plans and matrices become one of all nodes, what isn't about one thing becomes
    /// {"nodes": {NAME: answer}}. An error: nobody answered.
    Result<Json> ask(const std::string& path, const Query& query);

    /// Flows by their time, all else as it comes; with `last`, of all nodes together so many. Of those that are
    /// followed, a node that ends, falls silent or is back is told on stderr at once.
    Result<> ask_stream(const std::string& path, const Query& query, const Taker& taker);

    /// By node: why it isn't in the answers.
    const std::map<std::string, std::string>& failed() const { return failed_; }

private:
    struct Agent {
        std::string node;
        std::string pod;
    };
    Command kubectl() const;
    Result<std::string> output_of(const Command& command) const;
    Result<std::vector<Agent>> find() const;
    Crowd crowd_of(const std::vector<Agent>& agents, const std::string& target) const;
    Result<> follow(const std::vector<Agent>& agents, Crowd crowd, NodeLines& lines);
    Result<> read_to_end(const std::vector<Agent>& agents, Crowd crowd, NodeLines& lines);
    bool note(const std::vector<Agent>& agents, const std::vector<std::string>& verdicts);

    NodesOptions options_;
    std::map<std::string, std::string> failed_;
};

} // namespace bulkhead::ctl
