// SPDX-License-Identifier: Apache-2.0
//
// The network configuration that the runtime hands over on stdin: our settings, and what the plugins before us did.
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cni/outcome.h"

namespace bulkhead::cni {

using Json = nlohmann::ordered_json; // keys stay in their order: what isn't ours goes through as it came

inline constexpr auto kName = "bulkhead-cni"; // of the program, so of the entry's `type`
inline const std::vector<std::string> kVersions{"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}; // ascending

enum class WaitFor { kGuarded, kPublished };

struct Settings {
    std::string socket = "/run/bulkhead/agent.sock";
    // Longer than an agent's restart. The kubelet gives a sandbox four minutes; each try that fails costs an address,
    // which the VPC CNI doesn't use again for 30 s.
    std::chrono::seconds timeout{30};
    WaitFor wait_for = WaitFor::kGuarded;
    std::set<std::string> exempt_namespaces{};
};

/// Of one entry of a configuration list. A key that is neither ours nor the specification's is refused: misspelt, it
/// would let in pods that were to wait.
Outcome<Settings> read_settings(const Json& entry);

struct NetConf {
    std::string version;
    Settings settings;
    std::optional<Json> prev_result;
};

Outcome<NetConf> read_netconf(const std::string& text);

/// Has this version of the specification the command?
bool has_command(const std::string& version, const std::string& command);

/// What a chain before us made, of the pod that is added.
struct Wiring {
    std::vector<std::string> interfaces; // on the host
    std::vector<std::string> addresses;
};
Outcome<Wiring> read_wiring(const Json& prev_result);

} // namespace bulkhead::cni
