// SPDX-License-Identifier: Apache-2.0
//
// Numbers for tenants: 31 bits, because the flow memory keeps them beside a flag. Two names never share
// one, a name keeps its own for the life of the agent and over restarts, and a number is never given to
// another name while the agent lives, since flow entries may still hold it.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace bulkhead::compile {

class TenantIds {
public:
    explicit TenantIds(const std::map<std::string, uint32_t>& known);

    /// 0 for the empty name: nobody's.
    uint32_t of(const std::string& name);

private:
    std::unordered_map<std::string, uint32_t> ids_;
    std::unordered_set<uint32_t> used_;
};

} // namespace bulkhead::compile
