// SPDX-License-Identifier: Apache-2.0
//
// `bulkheadctl bugreport`: what somebody elsewhere needs to see of this node, in one archive. What can't be had,
// because the agent doesn't answer or nobody may read it, is named in the archive itself.
#pragma once

#include <optional>
#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace bulkhead::ctl {

struct BugreportOptions {
    std::string file; // empty = made of node and time; "-" = stdout
    bool hash_addresses = false;
    bool hash_names = false;
    std::string pin_dir; // empty = the agent's, or the usual one
};

/// `options` has to outlive the app.
void add_bugreport_options(CLI::App& command, BugreportOptions& options);

/// Returns how the program ends.
int write_bugreport(const BugreportOptions& options, const std::string& socket);

} // namespace bulkhead::ctl
