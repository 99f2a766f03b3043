// SPDX-License-Identifier: Apache-2.0
#include "support/oracle.h"

#include <algorithm>

#include "support/oracle_cluster.h"
#include "support/oracle_match.h"

namespace bulkhead::test {

using namespace state;

namespace {

/// One question put to one cluster; each line of the rule is a member.
class Trial {
public:
    Trial(const ClusterView& cluster, const OracleSettings& settings, const Question& question, Party src, Party dst)
        : cluster_(cluster), settings_(settings), question_(question), src_(std::move(src)), dst_(std::move(dst)) {}

    std::string_view line() const;

private:
    bool is_self() const { return src_.pod && src_.pod == dst_.pod; }
    bool is_confined() const;
    bool is_open() const;
    bool is_same_tenant() const;
    bool is_local_host() const;
    bool is_exposed() const;
    bool is_trusted() const;
    bool is_granted() const;
    bool is_granted_by_tenant() const;
    bool is_granted_by_hand() const;
    bool is_granted_by_resource() const;

    std::string_view line_of_destination() const;
    std::string_view line_not_granted() const;

    bool judges_line_two() const { return question_.side != Side::kDestination || on_one_node(); }
    bool judges_the_rest() const { return question_.side != Side::kSource || !has_pod(dst_) || on_one_node(); }
    bool on_one_node() const { return question_.same_node.value_or(!dst_.node.empty() && src_.node == dst_.node); }
    static bool has_pod(const Party& party) { return party.pod != nullptr; }

    bool covers_port(const Ports& ports) const {
        return covers(ports, dst_.pod ? dst_.pod->common.get() : nullptr, question_.protocol, question_.port);
    }
    bool allows(const Grant& grant) const;
    bool in_allow_to() const;

    const ClusterView& cluster_;
    const OracleSettings& settings_;
    const Question& question_;
    Party src_;
    Party dst_;
};

bool Trial::is_confined() const {
    const Tenant* tenant = cluster_.declared_tenant_of(src_);
    if (!tenant || !tenant->confined || cluster_.is_kept_open(*src_.ns) || !judges_line_two()) return false;
    return !is_same_tenant() && !cluster_.is_infra(dst_) && !in_allow_to();
}

bool Trial::in_allow_to() const {
    return std::ranges::any_of(cluster_.declared_tenant_of(src_)->allow_to, [&](const AllowTo& entry) {
        return covers_port(entry.ports) && std::ranges::any_of(entry.to, [&](const Peer& peer) {
                   return cluster_.matches_destination(peer, dst_);
               });
    });
}

bool Trial::is_open() const {
    if (dst_.is_pod()) return !cluster_.is_protected(*dst_.ns);
    if (dst_.kind == Party::Kind::kHeld) return false;
    if (!dst_.owner || dst_.owner->level == Level::kNonProtected) return true;
    const bool has_ports =
        question_.protocol == BH_TCP || question_.protocol == BH_UDP || question_.protocol == BH_SCTP;
    return has_ports && !covers_port(dst_.owner->ports);
}

bool Trial::is_same_tenant() const {
    const std::string tenant = cluster_.tenant_of(src_);
    return !tenant.empty() && tenant == cluster_.tenant_of(dst_);
}

/// Made by dst's own node *and* bearing one of its addresses.
bool Trial::is_local_host() const {
    if (!has_pod(dst_) || !question_.made_by_dst_node) return false;
    if (src_.kind == Party::Kind::kNode) return src_.node == dst_.node && !dst_.node.empty();
    return std::ranges::any_of(src_.addresses,
                               [&](const Address& one) { return settings_.probe_addresses.contains(one); });
}

bool Trial::is_exposed() const {
    if (!dst_.is_pod()) return false;
    const Tenant* tenant = cluster_.declared_tenant_of(dst_);
    const bool by_hand = !tenant || tenant->pod_expose;
    if (by_hand && annotation_exposes(*dst_.pod->common, question_.protocol, question_.port)) return true;
    return tenant && std::ranges::any_of(tenant->expose, [&](const Opening& expose) {
               return cluster_.matches_target(expose.target, dst_) && covers_port(expose.ports);
           });
}

bool Trial::is_trusted() const {
    const Tenant* mine = cluster_.declared_tenant_of(src_);
    const Tenant* theirs = cluster_.declared_tenant_of(dst_);
    if (!mine || !dst_.is_pod() || (theirs && theirs->sealed)) return false;
    return std::ranges::any_of(mine->trusted, [&](const Opening& trust) {
        return cluster_.matches_target(trust.target, src_) && covers_port(trust.ports);
    });
}

/// Everything of a grant but whom it lets in to.
bool Trial::allows(const Grant& grant) const {
    if (grant.until && question_.time >= *grant.until) return false;
    return covers_port(grant.ports) &&
           std::ranges::any_of(grant.from, [&](const Peer& peer) { return cluster_.matches_source(peer, src_); });
}

bool Trial::is_granted_by_tenant() const {
    const Tenant* tenant = cluster_.declared_tenant_of(dst_);
    return tenant && std::ranges::any_of(tenant->allow_from, [&](const Grant& grant) {
               return cluster_.matches_target(grant.to, dst_) && allows(grant);
           });
}

bool Trial::is_granted_by_hand() const {
    const Tenant* tenant = cluster_.declared_tenant_of(dst_);
    if (!dst_.is_pod() || (tenant && !tenant->access_grants)) return false;
    return std::ranges::any_of(cluster_.all<AccessGrant>(), [&](const AccessGrant* object) {
        return object->meta.ns == dst_.pod->ns && cluster_.matches_target(object->grant.to, dst_) &&
               allows(object->grant);
    });
}

bool Trial::is_granted_by_resource() const {
    return dst_.owner && std::ranges::any_of(dst_.owner->allow_from, [&](const Grant& grant) { return allows(grant); });
}

bool Trial::is_granted() const {
    return is_granted_by_tenant() || is_granted_by_hand() || is_granted_by_resource();
}

std::string_view Trial::line_not_granted() const {
    if (dst_.kind == Party::Kind::kHeld) return "held";
    const bool audited = dst_.is_pod() ? cluster_.is_audited(*dst_.ns) : cluster_.is_audited(*dst_.owner);
    return audited ? "audit" : "not-granted";
}

std::string_view Trial::line_of_destination() const {
    if (is_open()) return "open";
    if (is_same_tenant()) return "same-tenant";
    if (is_local_host()) return "local-host";
    if (is_exposed()) return "exposed";
    if (is_trusted()) return "trusted";
    if (is_granted()) return "granted";
    return line_not_granted();
}

Verdict verdict_of(std::string_view line) {
    if (line == "audit" || line == "confined-audit") return Verdict::kAudit;
    const bool denies = line == "confined" || line == "not-granted" || line == "held";
    return denies ? Verdict::kDeny : Verdict::kAllow;
}

std::string_view Trial::line() const {
    if (is_self()) return "self";
    const bool confined = is_confined();
    if (confined && !cluster_.is_audited(*src_.ns)) return "confined";
    const std::string_view below = line_of_destination();
    if (confined && verdict_of(below) == Verdict::kAllow) return "confined-audit";
    return judges_the_rest() ? below : "elsewhere";
}

} // namespace

std::string_view verdict_name(Verdict verdict) {
    switch (verdict) {
    case Verdict::kAllow:
        return "allow";
    case Verdict::kAudit:
        return "audit";
    case Verdict::kDeny:
        return "deny";
    }
    return "?";
}

Oracle::Oracle(std::vector<Object> objects, OracleSettings settings)
    : objects_(std::move(objects)), settings_(std::move(settings)) {}

Result<Answer> Oracle::ask(const Question& question) const {
    const ClusterView cluster(objects_, settings_);
    auto src = cluster.party(question.src, question.family);
    if (!src) return within("source", src.error());
    auto dst = cluster.party(question.dst, question.family);
    if (!dst) return within("destination", dst.error());
    const std::string_view line = Trial(cluster, settings_, question, std::move(*src), std::move(*dst)).line();
    return Answer{verdict_of(line), line};
}

std::string Oracle::tenant_of_namespace(const std::string& ns) const {
    const ClusterView cluster(objects_, settings_);
    const Namespace* found = cluster.namespace_named(ns);
    return found ? cluster.tenant_of(*found) : "";
}

bool Oracle::is_protected_namespace(const std::string& ns) const {
    const ClusterView cluster(objects_, settings_);
    const Namespace* found = cluster.namespace_named(ns);
    return found && cluster.is_protected(*found);
}

bool Oracle::is_audited_namespace(const std::string& ns) const {
    const ClusterView cluster(objects_, settings_);
    const Namespace* found = cluster.namespace_named(ns);
    return found && cluster.is_audited(*found);
}

} // namespace bulkhead::test
