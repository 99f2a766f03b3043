// SPDX-License-Identifier: Apache-2.0
#include "compile/tenant_ids.h"

#include "base/hash.h"
#include "bulkhead/abi.h"

namespace bulkhead::compile {

TenantIds::TenantIds(const std::map<std::string, uint32_t>& known) {
    for (const auto& [name, id] : known)
        if (!name.empty() && id != 0 && (id & BH_FLOW_TENANT_MASK) == id && used_.insert(id).second)
            ids_.emplace(name, id);
}

uint32_t TenantIds::of(const std::string& name) {
    if (name.empty()) return 0;
    if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
    uint32_t id = fnv1a_32(name) & BH_FLOW_TENANT_MASK;
    while (id == 0 || !used_.insert(id).second)
        id = (id + 1) & BH_FLOW_TENANT_MASK;
    ids_.emplace(name, id);
    return id;
}

} // namespace bulkhead::compile
