// SPDX-License-Identifier: Apache-2.0
//
// What the agent is told: the command line, and a configuration file with the same names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common_options.h"
#include "datapath/attach.h"
#include "observe/figures.h"
#include "observe/flow_history.h"
#include "resolve/finder.h"

namespace bulkhead {

/// Which tenants' IdentitySlices are asked for: all, or those that can change a verdict on this node.
enum class SlicesAsked : uint8_t { kAll, kRelevant };

struct Options {
    std::string source; // "dir:PATH" or "kube"
    KubeOptions kube;
    SlicesAsked slice_scope = SlicesAsked::kAll;
    bool resolve = false; // AWSResources are looked up here, since no controller does
    resolve::Settings look_ups;
    std::string found_file; // of what that found; empty = until this node's next start
    std::string node_name;
    std::string pin_dir = "/sys/fs/bpf/bulkhead";
    std::string socket = "/run/bulkhead/agent.sock";
    std::string metrics_address = ":9810"; // empty = none
    uint32_t metrics_max_tenant_pairs = 256;
    uint32_t metrics_max_admitted_pairs = 16;
    uint32_t metrics_max_tenants = 16;
    bool metrics_pods = false; // also of each pod
    std::vector<std::string> veth_prefixes{"eni", "vlan"};
    std::vector<std::string> uplinks; // empty = found by their routes
    datapath::AttachMode attach = datapath::AttachMode::kAuto;
    compile::Settings policy; // without what other options say: compile_settings() has it all
    LogOptions log;
    datapath::Sizes sizes;
    datapath::Telling telling;
    observe::FlowHistory::Limits flow_history;
    flow::EdgeLimits edges;
    std::string edges_file;        // empty = in memory alone
    uint32_t answer_mark = 0x1000; // one bit of skb->mark, or 0
    std::string in_force;          // all of them, as --config takes them
    bool detach = false;           // the subcommand
    bool node_wide = false;        // ... of whatever pin directory

    bool is_kube() const { return source == "kube"; }
    /// The directory that `source` names, or empty.
    std::string source_path() const;
    compile::Settings compile_settings() const;
    /// What must be the same on all nodes.
    observe::Settings policy_settings() const;
};

/// How the agent ends.
enum ExitCode : int { kDone = 0, kFailed = 1, kWrongUsage = 2, kUnfitKernel = 3, kForbidden = 4 };

ExitCode exit_code_of(const Error& error);

const char* name_of(datapath::AttachMode mode);

/// Fills `options`, or prints and returns the exit code with which to end: help, version, wrong usage.
std::optional<int> parse(int argc, char** argv, Options& options);

} // namespace bulkhead
