// SPDX-License-Identifier: Apache-2.0
//
// What can be seen of a node without an agent: its kernel, what is pinned, what is attached where.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

/// One file of a report.
struct Fact {
    std::string file;
    Result<std::string> content;
};

std::vector<Fact> node_facts(const std::string& pin_dir);

} // namespace bulkhead::ctl
