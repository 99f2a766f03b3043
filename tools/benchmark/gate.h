// SPDX-License-Identifier: Apache-2.0
//
// What a chained CNI plugin waits for before it lets a pod's process start. The one place to change when another
// question answers it better.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/result.h"

namespace bulkhead::bench {

/// "namespace/name" of the pods that the agent behind this socket guards now.
Result<std::set<std::string>> guarded_pods(const std::filesystem::path& socket);

} // namespace bulkhead::bench
