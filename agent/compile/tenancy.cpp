// SPDX-License-Identifier: Apache-2.0
#include "compile/tenancy.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <unordered_set>

#include "compile/claim_index.h"
#include "state/labels.h"

namespace bulkhead::compile {

namespace {

using state::kCapsuleLabel;
using state::kHncSuffix;
using state::kKioskLabel;
using state::kLevelLabel;
using state::kModeLabel;
using state::kTenantLabel;
using state::Level;
using state::Mode;

const std::string* find_label(const state::Namespace& ns, std::string_view key) {
    const auto found = ns.labels.find(std::string(key));
    return found == ns.labels.end() ? nullptr : &found->second;
}

/// Kubernetes' rule for label values, the empty one left out. A directory may hold anything, and a
/// "/" would let a label forge the tenant of another source.
bool is_tenant_value(std::string_view value) {
    const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    if (value.empty() || value.size() > 63 || !alphanumeric(value.front()) || !alphanumeric(value.back())) return false;
    return std::all_of(value.begin(), value.end(),
                       [&](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

/// Invalid = the stricter reading.
std::optional<Level> level_label(const state::Namespace& ns) {
    const auto* value = find_label(ns, kLevelLabel);
    if (!value) return std::nullopt;
    return *value == "non-protected" ? Level::kNonProtected : Level::kProtected;
}

std::optional<Mode> mode_label(const state::Namespace& ns) {
    const auto* value = find_label(ns, kModeLabel);
    if (!value) return std::nullopt;
    return *value == "audit" ? Mode::kAudit : Mode::kEnforce;
}

bool is_one_of_ours(const std::string& label) {
    return std::ranges::find(state::kOurNamespaceLabels, label) != state::kOurNamespaceLabels.end();
}

constexpr size_t kMostUnknownLabels = 10; // that are told of one by one
constexpr std::string_view kItself = "the namespace itself";
constexpr std::string_view kKeptOpen = "the agent's setting keep-open";

struct HncTree {
    std::vector<std::string> ancestors; // without the namespace itself
    std::string root;                   // empty = in no tree
};

std::optional<int> parse_depth(const std::string& text) {
    int depth = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), depth);
    if (error != std::errc{} || end != text.data() + text.size() || depth < 0) return std::nullopt;
    return depth;
}

std::string label_of(const std::string& ns, std::string_view label) {
    return "Namespace " + ns + " label " + std::string(label);
}

void hear_tenant(const state::Tenant& tenant, Strictest<Mode>& mode) {
    mode.hear(tenant.mode, "Tenant " + tenant.meta.name + " spec.mode");
}

/// A declared Tenant that is silent says the default: worth telling only once everybody else was heard, and if
/// somebody said anything.
void hear_silence(const state::Tenant& tenant, Mode default_mode, Strictest<Mode>& mode) {
    if (tenant.mode || !mode.value) return;
    mode.hear(default_mode, std::string(kByDefault) + ", as Tenant " + tenant.meta.name + " says none");
}

/// Works out one namespace.
class Resolver {
public:
    Resolver(const state::Cluster& cluster, const Settings& settings, std::vector<state::Problem>& problems)
        : cluster_(cluster), settings_(settings), problems_(problems), claims_(cluster.tenants()) {}

    Membership resolve(const state::Namespace& ns, Sources& sources) {
        Membership member;
        member.ns = &ns;
        report_labels(ns);
        report_unknown_labels(ns);
        const auto tree = hnc_tree(ns);
        Tenants opinions;
        sources.tenant = choose_tenant(ns, tree, opinions, member);
        sources.level = choose_level(ns, tree, opinions, member);
        sources.mode = choose_mode(ns, tree, opinions, member);
        if (settings_.keep_open.contains(ns.meta.name)) keep_open(ns, tree, opinions, member, sources);
        report_stranger_to_itself(ns, member);
        return member;
    }

    void report_rivals_for_unknown() {
        for (const auto& [name, claims] : claims_.by_name())
            if (!find_namespace(name)) report_rivals(name, claims);
    }

    /// A slip of the pen, and what was to be isolated isn't. After all namespaces were resolved.
    void report_missing() {
        for (const auto& [name, tenant] : cluster_.tenants()) {
            for (size_t i = 0; i < tenant.namespaces.size(); ++i)
                if (!find_namespace(tenant.namespaces[i]))
                    report_missing(tenant, "spec.namespaces[" + std::to_string(i) + "]",
                                   "there is no namespace " + tenant.namespaces[i] + "; it stands for nothing");
            if (tenant.namespace_selector && !selecting_.contains(&tenant))
                report_missing(tenant, "spec.namespaceSelector", "it selects no namespace and stands for nothing");
        }
    }

private:
    bool uses(TenantSource source) const { return settings_.tenant_sources.contains(source); }

    void report(const state::Namespace& ns, std::string_view label, std::string text) {
        problems_.push_back({ns.meta.origin, "Namespace " + ns.meta.name, "metadata.labels[" + std::string(label) + "]",
                             std::move(text)});
    }

    void report(const state::Tenant& tenant, std::string field, std::string text) {
        problems_.push_back({tenant.meta.origin, "Tenant " + tenant.meta.name, std::move(field), std::move(text)});
    }

    void report_missing(const state::Tenant& tenant, std::string field, std::string text) {
        report(tenant, std::move(field), std::move(text));
        problems_.back().nature = state::Problem::Nature::kMissing;
    }

    void report_labels(const state::Namespace& ns) {
        if (const auto* level = find_label(ns, kLevelLabel);
            level && *level != "protected" && *level != "non-protected")
            report(ns, kLevelLabel,
                   "\"" + *level + "\" is neither protected nor non-protected; it counts as protected");
        if (const auto* mode = find_label(ns, kModeLabel); mode && *mode != "enforce" && *mode != "audit")
            report(ns, kModeLabel, "\"" + *mode + "\" is neither enforce nor audit; it counts as enforce");
    }

    /// The first few: a namespace may have thousands.
    void report_unknown_labels(const state::Namespace& ns) {
        size_t unknown = 0;
        const auto ours = ns.labels.lower_bound(std::string(state::kOurPrefix));
        for (auto label = ours; label != ns.labels.end() && label->first.starts_with(state::kOurPrefix); ++label)
            if (!is_one_of_ours(label->first) && ++unknown <= kMostUnknownLabels)
                report(ns, label->first,
                       "there is no such label, and it says nothing; there are bulkhead.dev/tenant, level and mode");
        if (unknown > kMostUnknownLabels)
            problems_.push_back({ns.meta.origin, "Namespace " + ns.meta.name, "metadata.labels",
                                 "so it is with " + std::to_string(unknown - kMostUnknownLabels) + " more labels"});
    }

    HncTree hnc_tree(const state::Namespace& ns) {
        HncTree tree;
        int deepest = -1;
        for (const auto& [key, value] : ns.labels) {
            if (!key.ends_with(kHncSuffix) || key.size() == kHncSuffix.size()) continue;
            auto name = key.substr(0, key.size() - kHncSuffix.size());
            const auto depth = parse_depth(value);
            if (!depth) report(ns, key, "\"" + value + "\" is not a depth; it names an ancestor but no root");
            if (depth && *depth > deepest) {
                deepest = *depth;
                tree.root = name;
            }
            if (name != ns.meta.name) tree.ancestors.push_back(std::move(name));
        }
        return tree;
    }

    /// `opinions` become the Tenants whose level and mode count: those that claim the namespace, or the
    /// one that a refused label names. This and the next two return who said it.
    std::string choose_tenant(const state::Namespace& ns, const HncTree& tree, Tenants& opinions, Membership& member) {
        const auto claims = claims_.of(ns);
        note_selecting(ns, claims);
        if (uses(TenantSource::kTenantObject) && !claims.empty()) {
            report_rivals(ns.meta.name, claims);
            opinions = claims;
            member.declared = claims.front();
            member.tenant = claims.front()->meta.name;
            report_contradiction(ns, member.tenant);
            return "Tenant " + member.tenant + " " + claiming_field(*member.declared, ns.meta.name);
        }
        if (const auto* value = find_label(ns, kTenantLabel); value && uses(TenantSource::kLabel))
            return join_by_label(ns, *value, claims, opinions, member);
        return choose_foreign(ns, tree, member);
    }

    void note_selecting(const state::Namespace& ns, const Tenants& claims) {
        for (const auto* tenant : claims)
            if (tenant->namespace_selector && tenant->namespace_selector->matches(ns.labels)) selecting_.insert(tenant);
    }

    /// (Who is confined has a Tenant.)
    void report_stranger_to_itself(const state::Namespace& ns, const Membership& member) {
        if (!member.tenant.empty() || !member.is_protected()) return;
        problems_.push_back(
            {ns.meta.origin, "Namespace " + ns.meta.name, "",
             "is protected and belongs to no tenant: its own pods are strangers to each other; name its "
             "tenant, or put namespace among the tenant-sources"});
    }

    /// `claims` has the owner first.
    void report_rivals(const std::string& ns, const Tenants& claims) {
        for (size_t i = 1; i < claims.size(); ++i)
            problems_.push_back({claims[i]->meta.origin, "Tenant " + claims[i]->meta.name,
                                 claiming_field(*claims[i], ns),
                                 "claims namespace " + ns + " too; it belongs to Tenant " + claims.front()->meta.name +
                                     ", the older, with the strictest level and mode of all",
                                 state::Problem::Nature::kConflict});
    }

    void report_contradiction(const state::Namespace& ns, const std::string& tenant) {
        const auto* value = find_label(ns, kTenantLabel);
        if (value && *value != tenant && uses(TenantSource::kLabel))
            report(ns, kTenantLabel,
                   "says \"" + *value + "\", but Tenant " + tenant + " claims the namespace and has it");
    }

    std::string join_by_label(const state::Namespace& ns, const std::string& value, const Tenants& claims,
                              Tenants& opinions, Membership& member) {
        const auto declared = cluster_.tenants().find(value);
        if (!is_tenant_value(value)) return refuse(ns, kTenantLabel, value, member);
        if (declared == cluster_.tenants().end()) {
            member.tenant = value;
        } else if (std::find(claims.begin(), claims.end(), &declared->second) != claims.end()) {
            member.tenant = value;
            member.declared = &declared->second;
            opinions.push_back(member.declared);
        } else {
            report(ns, kTenantLabel,
                   "Tenant " + value + " neither names nor selects this namespace; it is its own tenant, ns/" +
                       ns.meta.name);
            member.tenant = "ns/" + ns.meta.name;
            opinions.push_back(&declared->second);
            return std::string(kItself) + ", as Tenant " + value + " neither names nor selects it";
        }
        return label_of(ns.meta.name, kTenantLabel);
    }

    std::string refuse(const state::Namespace& ns, std::string_view label, const std::string& value,
                       Membership& member) {
        report(ns, label, "\"" + value + "\" is not a tenant's name; the namespace is its own tenant");
        member.tenant = "ns/" + ns.meta.name;
        return std::string(kItself) + ", as its label " + std::string(label) + " is not a tenant's name";
    }

    /// By the labels of others than us; else the namespace is its own.
    std::string choose_foreign(const state::Namespace& ns, const HncTree& tree, Membership& member) {
        struct Row {
            TenantSource source;
            std::string_view label;
            const char* prefix;
        };
        for (const auto& [source, label, prefix] : {Row{TenantSource::kCapsule, kCapsuleLabel, "capsule/"},
                                                    Row{TenantSource::kKiosk, kKioskLabel, "kiosk/"}}) {
            const auto* value = uses(source) ? find_label(ns, label) : nullptr;
            if (!value) continue;
            if (!is_tenant_value(*value)) return refuse(ns, label, *value, member);
            member.tenant = prefix + *value;
            return label_of(ns.meta.name, label);
        }
        if (uses(TenantSource::kHnc) && !tree.root.empty()) {
            member.tenant = "hnc/" + tree.root;
            return label_of(ns.meta.name, tree.root + std::string(kHncSuffix));
        }
        if (!uses(TenantSource::kNamespace)) return {};
        member.tenant = "ns/" + ns.meta.name;
        return std::string(kItself);
    }

    std::string choose_level(const state::Namespace& ns, const HncTree& tree, const Tenants& opinions,
                             Membership& member) {
        Strictest<Level> level;
        for (const auto* tenant : opinions)
            level.hear(tenant->level, "Tenant " + tenant->meta.name + " spec.level");
        hear_labels(ns, tree, kLevelLabel, level_label, level);
        member.level = level.value.value_or(Level::kNonProtected);
        return level.from;
    }

    std::string choose_mode(const state::Namespace& ns, const HncTree& tree, const Tenants& opinions,
                            Membership& member) {
        Strictest<Mode> mode;
        for (const auto* tenant : opinions)
            hear_tenant(*tenant, mode);
        hear_labels(ns, tree, kModeLabel, mode_label, mode);
        for (const auto* tenant : opinions)
            hear_silence(*tenant, settings_.default_mode, mode);
        member.mode = mode.value.value_or(settings_.default_mode);
        return mode.from;
    }

    /// The namespace's own, then its HNC ancestors'.
    template <typename T>
    void hear_labels(const state::Namespace& ns, const HncTree& tree, std::string_view label,
                     std::optional<T> (*value_in)(const state::Namespace&), Strictest<T>& strictest) const {
        strictest.hear(value_in(ns), label_of(ns.meta.name, label));
        for (const auto& name : tree.ancestors)
            if (const auto* ancestor = find_namespace(name))
                strictest.hear(value_in(*ancestor), label_of(name, label) + " (HNC ancestor)");
    }

    /// Whoever says something stricter is told.
    void keep_open(const state::Namespace& ns, const HncTree& tree, const Tenants& opinions, Membership& member,
                   Sources& sources) {
        const auto refusal = [&](const std::string& state) {
            return "namespace " + ns.meta.name + " is kept open, so it is " + state +
                   "; take it out of keep-open to force";
        };
        for (const auto* tenant : opinions)
            if (tenant->level == Level::kProtected) report(*tenant, "spec.level", refusal("non-protected"));
        if (member.confined()) report(*member.declared, "spec.confined", refusal("not confined"));
        if (level_label(ns) == Level::kProtected) report(ns, kLevelLabel, refusal("non-protected"));
        for (const auto& name : tree.ancestors)
            if (const auto* ancestor = find_namespace(name); ancestor && level_label(*ancestor) == Level::kProtected)
                report(*ancestor, kLevelLabel, refusal("non-protected"));
        member.kept_open = true;
        member.level = Level::kNonProtected;
        sources.level = kKeptOpen;
    }

    const state::Namespace* find_namespace(const std::string& name) const {
        const auto found = cluster_.namespaces().find(name);
        return found == cluster_.namespaces().end() ? nullptr : &found->second;
    }

    const state::Cluster& cluster_;
    const Settings& settings_;
    std::vector<state::Problem>& problems_;
    ClaimIndex claims_;
    std::unordered_set<const state::Tenant*> selecting_; // some namespace, by its labels
};

} // namespace

Tenancy::Tenancy(const state::Cluster& cluster, const Settings& settings, std::vector<state::Problem>& problems,
                 SourcesByOwner& sources)
    : cluster_(cluster), default_mode_(settings.default_mode) {
    Resolver resolver(cluster, settings, problems);
    for (const auto& [name, ns] : cluster.namespaces())
        memberships_.emplace(name, resolver.resolve(ns, sources[name]));
    if (settings.tenant_sources.contains(TenantSource::kTenantObject)) resolver.report_rivals_for_unknown();
    resolver.report_missing();
}

const Membership* Tenancy::find(const std::string& ns) const {
    const auto found = memberships_.find(ns);
    return found == memberships_.end() ? nullptr : &found->second;
}

std::optional<state::Mode> Tenancy::mode_of(const std::string& tenant) const {
    const auto found = cluster_.tenants().find(tenant);
    if (found == cluster_.tenants().end()) return std::nullopt;
    return found->second.mode.value_or(default_mode_);
}

void Tenancy::hear_mode(const std::string& tenant, Strictest<state::Mode>& mode) const {
    const auto found = cluster_.tenants().find(tenant);
    if (found == cluster_.tenants().end()) return;
    hear_tenant(found->second, mode);
    hear_silence(found->second, default_mode_, mode);
}

void Tenancy::set_apart(const std::set<std::string>& namespaces) {
    for (const auto& ns : namespaces)
        memberships_.at(ns).tenant = "moving/" + ns; // which nobody can write, so that no peer means it
}

} // namespace bulkhead::compile
