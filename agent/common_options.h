// SPDX-License-Identifier: Apache-2.0
//
// Options that agent and controller have in common.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "compile/compiler.h"
#include "source/kube/access.h"

namespace CLI {
class App;
}

namespace bulkhead {

/// Which API server, and who we are there.
struct KubeOptions {
    std::string kubeconfig; // empty = as a pod of the cluster
    std::string context;    // of the kubeconfig; empty = its current one

    void add_to(CLI::App& app);
    Result<> check() const;
    Result<source::kube::Access> access() const;
};

struct LogOptions {
    std::string level = "info";
    log::Format format = log::Format::kText;

    void add_to(CLI::App& app);
};

/// How the cluster is read: if agents and controller don't have the same, they tell two stories.
class PolicyOptions {
public:
    void add_to(CLI::App& app);

    /// After parsing. What isn't said, is as `settings` has it.
    Result<> take(compile::Settings& settings) const;

private:
    state::Mode default_mode_ = compile::Settings{}.default_mode;
    // Read as text first, because CLI11 knows nothing of it.
    std::vector<std::string> tenant_sources_;
    std::vector<std::string> keep_open_;
    std::vector<std::string> dns_addresses_;
};

/// Words that have to be addresses, "" being none. Errors name the option.
Result<std::set<Address>> read_addresses(const std::string& option, const std::vector<std::string>& words);

/// In the order that CLI11 takes: the last one first. It would read "--name=" as "--name" with whatever comes next, so
/// the empty value becomes an argument of its own.
std::vector<std::string> reversed_arguments(int argc, char** argv);

} // namespace bulkhead
