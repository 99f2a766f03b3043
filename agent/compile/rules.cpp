// SPDX-License-Identifier: Apache-2.0
#include "compile/rules.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/hash.h"
#include "base/rfc3339.h"
#include "state/labels.h"

namespace bulkhead::compile {

namespace {

constexpr std::string_view kAnnotationText = "the pods' annotation bulkhead.dev/expose";

std::string indexed(std::string_view field, size_t index) {
    return std::string(field) + "[" + std::to_string(index) + "]";
}

class Collector {
public:
    Collector(const state::Cluster& cluster, const Tenancy& tenancy, const Parts& parts,
              std::vector<state::Problem>& problems)
        : cluster_(cluster), tenancy_(tenancy), parts_(parts), problems_(problems) {
        rules_.origins.emplace(annotation_origin(), kAnnotationText);
        rules_.authors.emplace(annotation_origin(), Author{.field = std::string(kExposeField)});
        for (const auto& [ns, member] : tenancy.memberships())
            tenants_.insert(member.tenant);
    }

    Rules collect() && {
        for (const auto& [name, tenant] : cluster_.tenants())
            add_tenant(tenant);
        for (const auto& [key, grant] : cluster_.access_grants())
            add_access_grant(grant);
        for (const auto& [name, resource] : cluster_.resources())
            add_resource(resource);
        if (!cluster_.all_pods_known()) add_own_pods();
        for (const auto& reach : cluster_.api_server_reach())
            add_reach(reach);
        for (const auto& [name, override] : cluster_.overrides())
            if (!override.over) add_override(override);
        return std::move(rules_);
    }

private:
    static Author author_of(const std::string& kind, const state::Meta& meta) {
        return {.origin = meta.origin, .object = kind + " " + (meta.ns.empty() ? "" : meta.ns + "/") + meta.name};
    }

    void add_tenant(const state::Tenant& tenant) {
        const auto author = author_of("Tenant", tenant.meta);
        for (size_t i = 0; i < tenant.expose.size(); ++i)
            add(author, indexed("spec.expose", i),
                {.line = BH_REASON_EXPOSED,
                 .shape = Rule::Shape::kToAny,
                 .dst = target(tenant, tenant.expose[i].target),
                 .ports = tenant.expose[i].ports});
        for (size_t i = 0; i < tenant.trusted.size(); ++i)
            add_trusted(author, indexed("spec.trusted", i), target(tenant, tenant.trusted[i].target),
                        tenant.trusted[i].ports);
        for (size_t i = 0; i < tenant.allow_from.size(); ++i)
            add_grant(author, indexed("spec.allowFrom", i), target(tenant, tenant.allow_from[i].to),
                      tenant.allow_from[i]);
        if (!tenant.confined) return report_idle_allow_to(author, tenant);
        for (size_t i = 0; i < tenant.allow_to.size(); ++i) {
            const auto field = indexed("spec.allowTo", i);
            add(author, field,
                {.line = BH_REASON_CONFINED,
                 .dst = side(author, field + ".to", tenant.allow_to[i].to),
                 .src = target(tenant, {}),
                 .ports = tenant.allow_to[i].ports});
        }
    }

    /// Whoever lists where a tenant may go takes it for held back.
    void report_idle_allow_to(const Author& author, const state::Tenant& tenant) {
        if (!tenant.allow_to.empty())
            report(author, "spec.allowTo", "restricts nothing: the Tenant isn't confined; \"confined: true\" would");
    }

    /// A port's name means something on the destination only, so the names of a trust make rows per
    /// destination, and its numbers one row for all of them.
    void add_trusted(const Author& author, const std::string& field, Side sources, const state::Ports& ports) {
        state::Ports numbers;
        state::Ports names;
        for (const auto& port : ports)
            (port.name.empty() ? numbers : names).push_back(port);
        if (!names.empty())
            add(author, field,
                {.line = BH_REASON_TRUSTED,
                 .dst = {.pods = {{.all = true}}},
                 .src = sources,
                 .ports = std::move(names)});
        if (ports.empty() || !numbers.empty())
            add(author, field,
                {.line = BH_REASON_TRUSTED,
                 .shape = Rule::Shape::kFromAny,
                 .src = std::move(sources),
                 .ports = std::move(numbers)});
    }

    void add_access_grant(const state::AccessGrant& object) {
        const auto author = author_of("AccessGrant", object.meta);
        const auto* member = tenancy_.find(object.meta.ns);
        if (!member)
            return report_missing(author, "metadata.namespace",
                                  "there is no namespace " + object.meta.ns + "; it opens nothing");
        if (!member->allows_access_grants()) {
            report(author, "spec",
                   "Tenant " + member->tenant + " does not let its namespaces grant access; it opens nothing");
            problems_.back().nature = state::Problem::Nature::kConflict;
            return;
        }
        add_grant(author, "spec", {.pods = {{.ns = object.meta.ns, .pods = object.grant.to.pods}}}, object.grant);
    }

    void add_resource(const state::AwsResource& resource) {
        const auto author = author_of("AWSResource", resource.meta);
        const Side self{.resources = {resource.meta.name}};
        if (resource.meta.name == kClusterDns || resource.meta.name == kKubeApiserver)
            report(author, "metadata.name", "the name is built in; as a peer it means the built-in one");
        if (!resource.tenant.empty() && !is_tenant(resource.tenant))
            report_missing(author, "spec.tenant",
                           "there is no tenant " + resource.tenant + "; no pod is of the resource's own tenant");
        if (!resource.look_ups.empty() && resource.found.empty())
            report_missing(
                author, "spec.addresses",
                "no address is known yet of what AWS and DNS have to tell; bulkhead-controller asks them, or with "
                "a directory as source an agent with --resolve");
        if (has_names(resource.ports))
            report(author, "spec.ports", "names of ports are for pods only; all its ports stay protected");
        add_ranges(
            author, "spec.ports",
            {.line = BH_REASON_OPEN, .shape = Rule::Shape::kToAny, .dst = self, .ranges = complement(resource.ports)});
        for (size_t i = 0; i < resource.allow_from.size(); ++i) {
            const auto field = indexed("spec.allowFrom", i);
            auto grant = resource.allow_from[i];
            if (has_names(grant.ports)) {
                report(author, field + ".ports", "names of ports are for pods only; they open nothing");
                std::erase_if(grant.ports, [](const auto& port) { return !port.name.empty(); });
                if (grant.ports.empty()) continue;
            }
            add_grant(author, field, self, grant);
        }
    }

    /// Instead of line 4, which would count both ways: who sends from an address in a network may be a pod.
    void add_own_pods() {
        std::set<std::pair<std::string, std::string>> done; // a tenant's may be of both levels
        for (const auto& part : parts_.all()) {
            const auto& resource = *part.resource;
            if (part.tenant.empty() || !has_network(resource)) continue;
            if (!done.emplace(resource.meta.name, part.tenant).second) continue;
            const bool is_whole = part.name().empty();
            add(author_of("AWSResource", resource.meta),
                resource.tenant_tag.empty() ? "spec.tenant" : "spec.tenantFrom (" + part.tenant + ")",
                {.dst = {.resources = {is_whole ? resource.meta.name : part.name()}},
                 .src = {.pods = {{.tenant = part.tenant}}}});
        }
    }

    /// Whatever the pods' Tenant says of AccessGrants: this is nobody's hand but the platform's.
    void add_reach(const state::ApiServerReach& reach) {
        const Author author{.origin = reach.origin, .object = "IdentitySlice " + std::string(state::kReachSlice)};
        add(author, "Service " + reach.ns + "/" + reach.service,
            {.line = BH_REASON_GRANTED,
             .dst = {.pods = {{.ns = reach.ns, .pods = reach.pods}}},
             .src = {.kube_apiserver = true},
             .ports = reach.ports});
    }

    /// In force it is a problem too: one that somebody wants, for a while.
    void add_override(const state::Override& override) {
        const auto author = author_of("Override", override.meta);
        if (!override.tenant.empty() && !is_tenant(override.tenant)) {
            report_missing(author, "spec.tenant", "there is no tenant " + override.tenant + "; nothing is lifted yet");
        } else {
            const auto what = override.tenant.empty() ? "anything" : "what tenant " + override.tenant + " refuses";
            report(author, "spec",
                   "until " + rfc3339(override.until) + " " + what + " passes, and is reported: " + override.reason);
            problems_.back().nature = state::Problem::Nature::kOverride;
        }
        rules_.overrides.push_back({.tenant = override.tenant,
                                    .until = override.until,
                                    .origin = origin_of(author.object + ": " + override.reason)});
    }

    void add_grant(const Author& author, const std::string& field, Side dst, const state::Grant& grant) {
        add(author, field,
            {.line = BH_REASON_GRANTED,
             .dst = std::move(dst),
             .src = side(author, field + ".from", grant.from),
             .ports = grant.ports,
             .until = grant.until},
            grant.reason);
    }

    void add(const Author& author, const std::string& field, Rule rule, const std::string& reason = {}) {
        rule.named = has_names(rule.ports);
        if (!rule.named) rule.ranges = resolved(rule.ports, {});
        add_ranges(author, field, std::move(rule), reason);
    }

    void add_ranges(const Author& author, const std::string& field, Rule rule, const std::string& reason = {}) {
        if (!rule.named && rule.ranges.empty()) return;
        rule.text = author.object + " " + field;
        rule.origin = origin_of(reason.empty() ? rule.text : rule.text + ": " + reason);
        rules_.authors[rule.origin] = {author.origin, author.object, field};
        rules_.list.push_back(std::move(rule));
    }

    /// Two texts with one hash are neighbours: an origin must never name the wrong object.
    uint32_t origin_of(const std::string& text) {
        for (uint32_t key = fnv1a_32(text);; ++key) {
            if (key == 0) continue; // 0 = no opening decided
            const auto [entry, is_new] = rules_.origins.emplace(key, text);
            if (is_new || entry->second == text) return key;
        }
    }

    static Side target(const state::Tenant& tenant, const state::PodTarget& target) {
        return {.pods = {{.tenant = tenant.meta.name, .namespaces = target.namespaces, .pods = target.pods}}};
    }

    Side side(const Author& author, const std::string& field, const std::vector<state::Peer>& peers) {
        Side out;
        for (size_t i = 0; i < peers.size(); ++i)
            std::visit([&](const auto& peer) { add_peer(author, indexed(field, i), peer, out); }, peers[i]);
        return out;
    }

    void add_peer(const Author& author, const std::string& field, const state::TenantPeer& peer, Side& out) {
        if (!is_tenant(peer.tenant))
            report_missing(author, field + ".tenant", "there is no tenant " + peer.tenant + "; it stands for nobody");
        out.pods.push_back({.tenant = peer.tenant, .pods = peer.pods});
    }

    void add_peer(const Author& author, const std::string& field, const state::NamespacePeer& peer, Side& out) {
        if (!cluster_.namespaces().contains(peer.ns))
            report_missing(author, field + ".namespace", "there is no namespace " + peer.ns + "; it stands for nobody");
        out.pods.push_back({.ns = peer.ns, .pods = peer.pods, .service_account = peer.service_account});
    }

    void add_peer(const Author& author, const std::string& field, const state::ResourcePeer& peer, Side& out) {
        if (peer.name == kClusterDns) {
            out.cluster_dns = true;
        } else if (peer.name == kKubeApiserver) {
            out.kube_apiserver = true;
        } else {
            if (!cluster_.resources().contains(peer.name))
                report_missing(author, field + ".awsResource",
                               "there is no AWSResource " + peer.name + "; it stands for nothing");
            out.resources.push_back(peer.name);
        }
    }

    void add_peer(const Author&, const std::string&, const state::CidrPeer& peer, Side& out) {
        out.cidrs.push_back(peer.cidr);
    }

    void add_peer(const Author&, const std::string&, const state::WorldPeer&, Side& out) { out.world = true; }

    /// Declared, or some namespace's.
    bool is_tenant(const std::string& name) const {
        return cluster_.tenants().contains(name) || tenants_.contains(name);
    }

    void report(const Author& author, std::string field, std::string text) {
        problems_.push_back({author.origin, author.object, std::move(field), std::move(text)});
    }

    void report_missing(const Author& author, std::string field, std::string text) {
        report(author, std::move(field), std::move(text));
        problems_.back().nature = state::Problem::Nature::kMissing;
    }

    const state::Cluster& cluster_;
    const Tenancy& tenancy_;
    const Parts& parts_;
    std::vector<state::Problem>& problems_;
    std::unordered_set<std::string> tenants_; // that namespaces have
    Rules rules_;
};

} // namespace

uint32_t annotation_origin() {
    return fnv1a_32(kAnnotationText);
}

Rules collect_rules(const state::Cluster& cluster, const Tenancy& tenancy, const Parts& parts,
                    std::vector<state::Problem>& problems) {
    return Collector(cluster, tenancy, parts, problems).collect();
}

} // namespace bulkhead::compile
