// SPDX-License-Identifier: Apache-2.0
//
// The half of ClusterView that reads namespaces: tenant, level, mode.
#include <algorithm>
#include <charconv>

#include "support/oracle_cluster.h"
#include "support/oracle_match.h"

namespace bulkhead::test {

using namespace state;

namespace {

constexpr std::string_view kDepthSuffix = ".tree.hnc.x-k8s.io/depth";

std::optional<std::string> label(const Namespace& ns, const std::string& key) {
    const auto found = ns.labels.find(key);
    if (found == ns.labels.end()) return std::nullopt;
    return found->second;
}

/// kubernetes.io/metadata.name is implied.
Labels labels_of(const Namespace& ns) {
    Labels labels = ns.labels;
    labels["kubernetes.io/metadata.name"] = ns.meta.name;
    return labels;
}

/// Ancestor -> depth, the namespace itself (depth 0) included.
std::map<std::string, int> hnc_tree(const Namespace& ns) {
    std::map<std::string, int> tree;
    for (const auto& [key, value] : ns.labels) {
        if (!key.ends_with(kDepthSuffix)) continue;
        int depth = 0;
        if (std::from_chars(value.data(), value.data() + value.size(), depth).ec != std::errc()) continue;
        tree[key.substr(0, key.size() - kDepthSuffix.size())] = depth;
    }
    return tree;
}

std::optional<Level> said_level(const Namespace& ns) {
    const auto value = label(ns, "bulkhead.dev/level");
    if (!value) return std::nullopt;
    return *value == "non-protected" ? Level::kNonProtected : Level::kProtected; // invalid = the stricter
}

std::optional<Mode> said_mode(const Namespace& ns) {
    const auto value = label(ns, "bulkhead.dev/mode");
    if (!value) return std::nullopt;
    return *value == "audit" ? Mode::kAudit : Mode::kEnforce;
}

} // namespace

const Namespace* ClusterView::namespace_named(const std::string& name) const {
    for (const Namespace* ns : all<Namespace>()) {
        if (ns->meta.name == name) return ns;
    }
    return nullptr;
}

const Tenant* ClusterView::tenant_named(const std::string& name) const {
    for (const Tenant* tenant : all<Tenant>()) {
        if (tenant->meta.name == name) return tenant;
    }
    return nullptr;
}

std::vector<const Tenant*> ClusterView::claimants(const Namespace& ns) const {
    if (!enabled("tenant")) return {};
    std::vector<const Tenant*> found;
    for (const Tenant* tenant : all<Tenant>()) {
        const bool named = std::ranges::count(tenant->namespaces, ns.meta.name) > 0;
        const bool selected = tenant->namespace_selector && selects(*tenant->namespace_selector, labels_of(ns));
        if (named || selected) found.push_back(tenant);
    }
    std::ranges::sort(found, [](const Tenant* a, const Tenant* b) {
        return std::pair(a->meta.created, a->meta.name) < std::pair(b->meta.created, b->meta.name);
    });
    return found;
}

const Tenant* ClusterView::declared_tenant_of(const Namespace& ns) const {
    const auto found = claimants(ns);
    return found.empty() ? nullptr : found.front();
}

const Tenant* ClusterView::declared_tenant_of(const Party& pod) const {
    return pod.is_pod() ? declared_tenant_of(*pod.ns) : nullptr;
}

/// The declared Tenant whose name the label bears, although it claims nothing of the kind.
const Tenant* ClusterView::usurped_tenant(const Namespace& ns) const {
    const auto name = label(ns, "bulkhead.dev/tenant");
    if (!name || !enabled("label") || declared_tenant_of(ns)) return nullptr;
    return tenant_named(*name);
}

std::string ClusterView::tenant_of(const Namespace& ns) const {
    if (const Tenant* owner = declared_tenant_of(ns)) return owner->meta.name;
    if (usurped_tenant(ns)) return "ns/" + ns.meta.name;
    if (const auto name = label(ns, "bulkhead.dev/tenant"); name && enabled("label")) return *name;
    if (const auto name = label(ns, "capsule.clastix.io/tenant"); name && enabled("capsule")) return "capsule/" + *name;
    if (const auto name = label(ns, "kiosk.sh/account"); name && enabled("kiosk")) return "kiosk/" + *name;
    const auto tree = hnc_tree(ns);
    if (!tree.empty() && enabled("hnc")) {
        const auto root = std::ranges::max_element(tree, {}, [](const auto& entry) { return entry.second; });
        return "hnc/" + root->first;
    }
    return "ns/" + ns.meta.name;
}

std::vector<ClusterView::Said> ClusterView::said_about(const Namespace& ns) const {
    std::vector<Said> said{{said_level(ns), said_mode(ns)}};
    auto tenants = claimants(ns);
    if (const Tenant* usurped = usurped_tenant(ns)) tenants.push_back(usurped); // "at its strictest level"
    for (const Tenant* tenant : tenants)
        said.push_back({tenant->level, tenant->mode.value_or(settings_.default_mode)});
    for (const auto& [name, depth] : hnc_tree(ns)) {
        const Namespace* ancestor = namespace_named(name);
        if (ancestor && depth > 0) said.push_back({said_level(*ancestor), said_mode(*ancestor)});
    }
    return said;
}

bool ClusterView::is_protected(const Namespace& ns) const {
    if (is_kept_open(ns)) return false;
    return std::ranges::any_of(said_about(ns), [](const Said& said) { return said.level == Level::kProtected; });
}

bool ClusterView::is_audited(const Namespace& ns) const {
    bool somebody_said_audit = false;
    for (const Said& said : said_about(ns)) {
        if (said.mode == Mode::kEnforce) return false;
        if (said.mode == Mode::kAudit) somebody_said_audit = true;
    }
    return somebody_said_audit || settings_.default_mode == Mode::kAudit;
}

bool ClusterView::is_audited(const AwsResource& resource) const {
    std::optional<Mode> strictest = resource.mode;
    if (const Tenant* tenant = tenant_named(resource.tenant)) {
        const Mode theirs = tenant->mode.value_or(settings_.default_mode);
        strictest = strictest ? std::max(*strictest, theirs) : theirs; // kEnforce is the greater
    }
    return strictest.value_or(settings_.default_mode) == Mode::kAudit;
}

std::string ClusterView::tenant_of(const Party& party) const {
    if (party.is_pod()) return tenant_of(*party.ns);
    return party.owner ? party.owner->tenant : "";
}

bool ClusterView::matches_target(const PodTarget& target, const Party& pod) const {
    return selects(target.namespaces, labels_of(*pod.ns)) && selects(target.pods, pod.pod->common->labels);
}

} // namespace bulkhead::test
