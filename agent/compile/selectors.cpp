// SPDX-License-Identifier: Apache-2.0
#include "compile/selectors.h"

#include <algorithm>

namespace bulkhead::compile {

namespace {

uint32_t flag_if(bool condition, bh_identity_flag flag) {
    return condition ? static_cast<uint32_t>(flag) : 0;
}

uint32_t pod_flags(const Membership& member, Role role) {
    return BH_POD | flag_if(member.is_protected(), BH_PROTECTED) |
           flag_if(member.mode == state::Mode::kAudit, BH_AUDIT) | flag_if(member.sealed(), BH_SEALED) |
           flag_if(member.confined(), BH_CONFINED) | flag_if(role.infra, BH_INFRA);
}

bool matches(const PodScope& scope, const Membership& member, const state::PodTemplate& pod) {
    if (scope.service_account && *scope.service_account != pod.service_account) return false;
    if (scope.namespaces && !scope.namespaces->matches(member.ns->labels)) return false;
    if (!scope.pods) return true;
    if (pod.known_labels && !scope.pods->asks_only(*pod.known_labels)) return false; // whoever isn't known isn't meant
    return scope.pods->matches(pod.labels);
}

void append(const std::unordered_map<std::string, Mentions>& index, const std::string& key, Mentions& out) {
    if (const auto found = index.find(key); found != index.end())
        out.insert(out.end(), found->second.begin(), found->second.end());
}

void append(const Mentions& more, Mentions& out) {
    out.insert(out.end(), more.begin(), more.end());
}

/// A row that could not change a verdict is none: lines 6 to 8 are asked for protected destinations
/// only, and trust opens neither resources nor sealed tenants.
bool can_open(const Rule& rule, const Traits& traits) {
    if (rule.line == BH_REASON_CONFINED) return true;
    if (!(traits.flags & BH_PROTECTED)) return false;
    return rule.line != BH_REASON_TRUSTED || ((traits.flags & BH_POD) && !(traits.flags & BH_SEALED));
}

} // namespace

Selectors::Selectors(const Rules& rules, const Tenancy& tenancy, state::Mode default_mode, bool all_pods_known)
    : rules_(rules), tenancy_(tenancy), default_mode_(default_mode), all_pods_known_(all_pods_known) {
    for (RuleId id = 0; id < rules.list.size(); ++id)
        for (const bool is_destination : {true, false}) {
            const auto& side = is_destination ? rules.list[id].dst : rules.list[id].src;
            index(side, {id, is_destination});
            if (all_pods_known) index_outside(side, {id, is_destination});
        }
}

void Selectors::index(const Side& side, Mention mention) {
    for (const auto& scope : side.pods) {
        if (scope.all)
            everywhere_.push_back({&scope, mention});
        else if (!scope.tenant.empty())
            by_tenant_[scope.tenant].push_back({&scope, mention});
        else
            by_namespace_[scope.ns].push_back({&scope, mention});
    }
    for (const auto& name : side.resources)
        (mention.as_destination ? by_owner_ : by_resource_)[name].push_back(mention);
    if (side.cluster_dns) cluster_dns_.push_back(mention);
    if (side.kube_apiserver) kube_apiserver_.push_back(mention);
}

void Selectors::index_outside(const Side& side, Mention mention) {
    for (const auto& cidr : side.cidrs)
        cidrs_.emplace_back(cidr, mention);
    if (side.world) world_.push_back(mention);
}

void Selectors::match(const Scopes& scopes, const Membership& member, const state::PodTemplate& pod,
                      Mentions& out) const {
    for (const auto& [scope, mention] : scopes)
        if (matches(*scope, member, pod)) out.push_back(mention);
}

void Selectors::add_role(Role role, Mentions& out) const {
    if (role.cluster_dns) append(cluster_dns_, out);
    if (role.kube_apiserver) append(kube_apiserver_, out);
}

void Selectors::apply(Mentions mentions, const ContainerPorts& container_ports, Traits& traits) const {
    std::sort(mentions.begin(), mentions.end());
    mentions.erase(std::unique(mentions.begin(), mentions.end()), mentions.end());
    for (const auto& mention : mentions) {
        const auto& rule = rules_.list[mention.rule];
        if (!mention.as_destination) {
            traits.may.push_back(mention.rule);
        } else if (can_open(rule, traits)) {
            auto ranges = rule.named ? resolved(rule.ports, container_ports) : PortRanges{};
            if (!rule.named || !ranges.empty()) traits.accepts.push_back({mention.rule, std::move(ranges)});
        }
    }
}

Traits Selectors::pod(const Membership& member, const state::PodTemplate& pod, Role role) const {
    Traits traits{.what = "pods", .tenant = member.tenant, .flags = pod_flags(member, role)};
    Mentions mentions;
    if (const auto found = by_tenant_.find(member.tenant); found != by_tenant_.end() && !member.tenant.empty())
        match(found->second, member, pod, mentions);
    if (const auto found = by_namespace_.find(member.ns->meta.name); found != by_namespace_.end())
        match(found->second, member, pod, mentions);
    match(everywhere_, member, pod, mentions);
    add_role(role, mentions);
    apply(std::move(mentions), pod.ports, traits);
    if (member.is_protected() && member.allows_pod_expose())
        traits.exposed = parse_expose(pod.expose, pod.ports).ranges;
    return traits;
}

Traits Selectors::node(Role role) const {
    Traits traits{.what = "node", .flags = BH_NODE | flag_if(role.infra, BH_INFRA)};
    Mentions mentions;
    add_role(role, mentions);
    apply(std::move(mentions), {}, traits);
    return traits;
}

state::Mode Selectors::mode_of(const Part& part) const {
    const auto inherited = part.tenant.empty() ? std::nullopt : tenancy_.mode_of(part.tenant);
    const auto own = part.resource->mode.value_or(inherited.value_or(default_mode_));
    return std::max(own, inherited.value_or(own));
}

Sources Selectors::sources_of(const Part& part) const {
    const auto& resource = *part.resource;
    const auto own = "AWSResource " + resource.meta.name;
    const auto by_tag = [&](const char* field, const std::string& tag) {
        return own + " " + field + " (the tag " + tag + ")";
    };
    Strictest<state::Mode> mode;
    mode.hear(resource.mode, own + " spec.mode");
    tenancy_.hear_mode(part.tenant, mode);
    Sources sources{.tenant = part.tenant.empty() ? "" : own + " spec.tenant",
                    .level = resource.says_level ? own + " spec.level" : std::string(kByDefault),
                    .mode = mode.from};
    if (!resource.tenant_tag.empty()) sources.tenant = by_tag("spec.tenantFrom", resource.tenant_tag);
    if (!resource.level_tag.empty()) sources.level = by_tag("spec.levelFrom", resource.level_tag);
    return sources;
}

/// What opens it, and who confined may reach it, which counts only where no pods may be.
void Selectors::append_of_owner(const Part& owner, bool may_be_pods, Mentions& out) const {
    Mentions mentions;
    append(by_owner_, owner.resource->meta.name, mentions);
    append(by_owner_, owner.name(), mentions);
    std::ranges::copy_if(mentions, std::back_inserter(out), [&](const Mention& mention) {
        return !may_be_pods || rules_.list[mention.rule].line != BH_REASON_CONFINED;
    });
}

Traits Selectors::external(const External& external) const {
    Traits traits{.what = external.is_service ? "service" : std::string(kNetwork),
                  .flags = flag_if(external.role.infra, BH_INFRA) | flag_if(external.is_service, BH_SERVICE)};
    if (external.role.kube_apiserver) traits.what = kKubeApiserver;
    if (external.role.cluster_dns) traits.what = kClusterDns;
    const bool may_be_pods = external.in_network && !all_pods_known_;
    if (const auto* owner = external.owner) {
        traits.what = "AWSResource " + owner->resource->meta.name;
        traits.tenant = may_be_pods ? "" : owner->tenant;
        traits.flags |= BH_RESOURCE | flag_if(owner->level == state::Level::kProtected, BH_PROTECTED) |
                        flag_if(mode_of(*owner) == state::Mode::kAudit, BH_AUDIT);
    }
    if (traits.what == kNetwork) traits.flags |= BH_OUTSIDE;
    Mentions mentions = external.cidrs;
    append(world_, mentions);
    add_role(external.role, mentions);
    if (!may_be_pods)
        for (const auto* part : external.covering)
            append(by_resource_, part->resource->meta.name, mentions);
    if (external.owner) append_of_owner(*external.owner, may_be_pods, mentions);
    apply(std::move(mentions), {}, traits);
    return traits;
}

Traits Selectors::world() const {
    Traits traits{.what = "world", .flags = BH_OUTSIDE};
    apply(world_, {}, traits);
    return traits;
}

Traits Selectors::held() const {
    // It may turn out to be anybody's, so trust does not reach it either.
    return {.what = "held", .flags = BH_PROTECTED | BH_POD | BH_SEALED | BH_UNNAMED};
}

Traits Selectors::no_room(uint32_t flags) const {
    const uint32_t stricter = (flags & BH_PROTECTED) != 0 ? BH_SEALED | BH_UNNAMED : 0;
    return {.what = "no room in the identities map", .flags = flags | stricter};
}

Traits Selectors::service() const {
    return {.what = "service", .flags = BH_SERVICE};
}

Traits Selectors::disputed() const {
    return {.what = "disputed", .flags = BH_POD};
}

std::vector<PodComplaint> Selectors::complaints(const Membership* member, const state::PodTemplate& pod) const {
    std::vector<PodComplaint> out;
    const auto complain = [&](std::string text) { out.push_back({std::string(kExposeField), std::move(text)}); };
    if (pod.expose.empty()) return out;
    if (member && !member->allows_pod_expose()) {
        complain("Tenant " + member->tenant + " does not let its pods expose ports; the annotation opens nothing");
        return out;
    }
    for (const auto& word : parse_expose(pod.expose, pod.ports).bad)
        complain("\"" + word +
                 "\" is neither PORT[-END][/TCP|UDP|SCTP] nor the name of a container port; it opens nothing");
    return out;
}

} // namespace bulkhead::compile
