// SPDX-License-Identifier: Apache-2.0
#include "controller/endings.h"

#include <algorithm>

namespace bulkhead::controller {

namespace {

class Collector {
public:
    explicit Collector(state::Time now) : now_(now) {}

    void add(const std::string& object, std::string field, const state::Grant& grant) {
        if (grant.until) add_end(object, std::move(field), *grant.until);
    }

    void add_end(const std::string& object, std::string field, state::Time until) {
        if (until <= now_)
            endings_.by_object[object].push_back({std::move(field), until});
        else
            endings_.next = std::min(endings_.next.value_or(until), until);
    }

    void add_allow_from(const std::string& object, const std::vector<state::Grant>& grants) {
        for (size_t i = 0; i < grants.size(); ++i)
            add(object, "spec.allowFrom[" + std::to_string(i) + "]", grants[i]);
    }

    Endings finish() && { return std::move(endings_); }

private:
    state::Time now_;
    Endings endings_;
};

} // namespace

Endings endings_at(state::Time now, const state::Cluster& cluster) {
    Collector collector(now);
    for (const auto& [key, grant] : cluster.access_grants())
        collector.add(key.text(), "", grant.grant);
    for (const auto& [name, tenant] : cluster.tenants())
        collector.add_allow_from("Tenant " + name, tenant.allow_from);
    for (const auto& [name, resource] : cluster.resources())
        collector.add_allow_from("AWSResource " + name, resource.allow_from);
    for (const auto& [name, override] : cluster.overrides())
        collector.add_end("Override " + name, "", override.until);
    return std::move(collector).finish();
}

} // namespace bulkhead::controller
