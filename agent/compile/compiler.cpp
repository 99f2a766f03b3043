// SPDX-License-Identifier: Apache-2.0
#include "compile/compiler.h"

#include <algorithm>
#include <cstring>

#include "compile/endpoints.h"
#include "compile/identities.h"
#include "compile/interest.h"
#include "compile/local.h"
#include "compile/moves.h"
#include "compile/openings.h"
#include "compile/policy.h"
#include "compile/problems.h"
#include "compile/tenant_ids.h"

namespace bulkhead::compile {

namespace {

/// Pods of one namespace and template have one identity: worked out once per update.
struct Described {
    Identity* identity = nullptr;
    std::vector<PodComplaint> complaints;
};

struct TemplateKey {
    const Membership* member;
    const state::PodTemplate* common;
    bool operator==(const TemplateKey&) const = default;
};

struct TemplateHash {
    size_t operator()(const TemplateKey& key) const noexcept {
        return std::hash<const void*>{}(key.member) * 31 + std::hash<const void*>{}(key.common);
    }
};

bool is_enforced(const bh_identity& identity) {
    return (identity.flags & (BH_PROTECTED | BH_CONFINED)) && !(identity.flags & BH_AUDIT);
}

bool same_row(const EndpointRow& a, const bh_endpoint& row, const std::string& owner) {
    return a.row.identity == row.identity && a.row.slot == row.slot && a.row.flags == row.flags && a.owner == owner;
}

std::vector<Address> without_repeats(const std::vector<Address>& addresses) {
    std::vector<Address> out;
    out.reserve(addresses.size());
    for (const auto& address : addresses)
        if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
    return out;
}

} // namespace

struct Compiler::Impl {
    /// One call of update().
    struct Turn {
        const state::Cluster& cluster;
        bool anew = false;             // everything is worked out again
        std::set<Address> addresses{}; // whose owner may be another now
        std::unordered_map<TemplateKey, Described, TemplateHash> described{};
        Touched touched{};
    };

    Impl(Settings given, const KnownIds& known)
        : settings(std::move(given)), tenant_ids(known.tenants), identities(known.identities, settings.max_identities),
          endpoints(settings.probe_addresses) {}

    Touched update(const state::Cluster& cluster, const state::Changes& changes);

    void rebuild_policy(Turn& turn);
    void intern_fixed();
    void intern_covered();
    void refresh_all_pods(Turn& turn);
    void refresh_pod(Turn& turn, const state::PodKey& key);
    void refresh_pod(Turn& turn, const state::PodKey& key, const state::Pod& pod);
    void forget_pod(Turn& turn, const state::PodKey& key);
    void set_identity(Turn& turn, Identity*& place, Identity* now);
    void touch_pod(Turn& turn, const state::PodKey& key, const Claims::Record& record);
    Described describe(Turn& turn, const state::PodKey& key, const state::Pod& pod);
    Described describe_as(const Membership& member, const state::PodTemplate& common, Role role);
    void set_roles(Turn& turn, Claims::Record& record, const state::Pod& pod);
    void settle_disputes(Turn& turn);
    void settle_dispute(Turn& turn, const Address& address);
    Role role_of_local(const state::PodKey& key) const;
    std::vector<Address> claimed_by(const Turn& turn, const state::PodKey& key, const state::Pod& pod) const;

    void publish(Turn& turn);
    void publish(Turn& turn, const Identity& identity);
    void place(Turn& turn, const Address& address);
    void place_all(Turn& turn);
    bool may_send_as_others(const Turn& turn, const state::LocalPod& local) const;
    void write_local(Turn& turn);
    void write_prefixes();
    std::vector<state::Problem> opening_problems(const Turn& turn) const;
    std::optional<state::PodKey> first_pod_of(IdentityId identity) const;

    Settings settings;
    TenantIds tenant_ids;
    IdentityTable identities;
    Endpoints endpoints;
    Openings openings;
    Problems problems;
    std::unique_ptr<Policy> policy;
    std::set<std::string> waiting; // namespaces that wait for others to leave their tenant
    std::map<Cidr, Identity*> prefixes;
    Desired desired;
};

Touched Compiler::Impl::update(const state::Cluster& cluster, const state::Changes& changes) {
    Turn turn{.cluster = cluster, .anew = !policy || changes.policy || identities.has_room_again() || !waiting.empty()};
    identities.begin(turn.anew);
    std::set<state::PodKey> pods = changes.pods;
    if (turn.anew) rebuild_policy(turn);
    turn.addresses.insert(changes.cluster_ips.begin(), changes.cluster_ips.end());
    if (turn.anew || changes.local) endpoints.set_local(cluster, turn.addresses, pods);
    if (turn.anew)
        refresh_all_pods(turn);
    else
        for (const auto& key : pods)
            refresh_pod(turn, key);
    settle_disputes(turn);
    publish(turn);
    if (turn.anew)
        place_all(turn);
    else
        for (const auto& address : turn.addresses)
            place(turn, address);
    const bool concerns_local =
        std::any_of(pods.begin(), pods.end(), [&](const auto& key) { return endpoints.slots_of(key); });
    if (turn.anew || changes.local || concerns_local) write_local(turn);
    problems.write(cluster, desired.problems);
    turn.touched.everything = turn.anew;
    return std::move(turn.touched);
}

void Compiler::Impl::rebuild_policy(Turn& turn) {
    std::optional<Tenancy> before;
    if (policy) before.emplace(std::move(policy->tenancy));
    policy = std::make_unique<Policy>(turn.cluster, settings);
    waiting = before ? arrivals_to_wait(*before, policy->tenancy) : std::set<std::string>{};
    policy->tenancy.set_apart(waiting);
    intern_fixed();
    intern_covered();
    problems.set_policy(policy->problems);
    desired.sources = std::move(policy->sources);
    desired.tenants.clear();
    for (const auto& name : policy->tenants())
        desired.tenants.emplace(tenant_ids.of(name), name);
    desired.origins = policy->rules.origins;
    desired.overrides.clear();
    for (const auto& [tenant, until, origin] : policy->rules.overrides) {
        auto& row = desired.overrides[tenant_ids.of(tenant)];
        if (until > row.until) row = {.until = until, .origin = origin};
    }
    endpoints.claims.reserve(turn.cluster.pods().size());
}

void Compiler::Impl::intern_fixed() {
    const auto& selectors = policy->selectors;
    auto& fixed = endpoints.fixed;
    const auto intern = [&](Traits traits, IdentityId builtin = 0) {
        auto& identity = identities.intern(std::move(traits), policy->rules, builtin);
        IdentityTable::hold(identity);
        return &identity;
    };
    fixed.world = intern(selectors.world(), BH_IDENTITY_WORLD);
    fixed.held = intern(selectors.held(), BH_IDENTITY_HELD);
    fixed.service = intern(selectors.service(), BH_IDENTITY_SERVICE);
    fixed.disputed = intern(selectors.disputed());
    intern(selectors.no_room(BH_PROTECTED), BH_IDENTITY_NO_ROOM_PROTECTED);
    intern(selectors.no_room(BH_CONFINED), BH_IDENTITY_NO_ROOM_CONFINED);
    intern(selectors.no_room(BH_PROTECTED | BH_CONFINED), BH_IDENTITY_NO_ROOM_BOTH);
    auto before = std::exchange(fixed.nodes, {});
    for (const bool dns : {false, true})
        for (const bool apiserver : {false, true})
            for (const bool infra : {false, true}) {
                const Role role{dns, apiserver, infra};
                fixed.nodes[role] = intern(selectors.node(role));
            }
    for (const auto& [role, identity] : before)
        identities.note_move(identity->id, *fixed.nodes[role]);
}

void Compiler::Impl::intern_covered() {
    const auto externals = std::exchange(endpoints.fixed.externals, {});
    const auto old_prefixes = std::exchange(prefixes, {});
    for (const auto& covered : policy->covered) {
        const auto& address = covered.cidr.address;
        if (covered.is_endpoint && policy->nodes.contains(address)) continue;
        auto& identity = identities.intern(policy->selectors.external(covered.external), policy->rules);
        IdentityTable::hold(identity);
        if (covered.is_endpoint) {
            endpoints.fixed.externals.emplace(address, &identity);
            if (const auto old = externals.find(address); old != externals.end())
                identities.note_move(old->second->id, identity);
        } else {
            prefixes.emplace(covered.cidr, &identity);
            if (const auto old = old_prefixes.find(covered.cidr); old != old_prefixes.end())
                identities.note_move(old->second->id, identity);
        }
    }
}

void Compiler::Impl::refresh_all_pods(Turn& turn) {
    for (const auto& [key, pod] : turn.cluster.pods())
        refresh_pod(turn, key, pod);
    if (endpoints.claims.records().size() == turn.cluster.pods().size()) return;
    std::vector<state::PodKey> vanished;
    for (const auto& [key, record] : endpoints.claims.records())
        if (!turn.cluster.pods().contains(key)) vanished.push_back(key);
    for (const auto& key : vanished)
        forget_pod(turn, key);
}

void Compiler::Impl::refresh_pod(Turn& turn, const state::PodKey& key) {
    const auto found = turn.cluster.pods().find(key);
    if (found == turn.cluster.pods().end()) return forget_pod(turn, key);
    refresh_pod(turn, key, found->second);
}

void Compiler::Impl::refresh_pod(Turn& turn, const state::PodKey& key, const state::Pod& pod) {
    auto& entry = endpoints.claims.record(key);
    if (!turn.anew) touch_pod(turn, key, entry.second);
    Described described;
    if (!pod.finished || endpoints.slots_of(key)) described = describe(turn, key, pod);
    set_identity(turn, entry.second.identity, described.identity);
    endpoints.claims.claim(entry, claimed_by(turn, key, pod), pod);
    set_roles(turn, entry.second, pod);
    if (!turn.anew) touch_pod(turn, key, entry.second);
    problems.set_pod(key, pod.ns, described.complaints);
}

void Compiler::Impl::forget_pod(Turn& turn, const state::PodKey& key) {
    const auto* record = endpoints.claims.find(key);
    if (!record) return;
    touch_pod(turn, key, *record);
    if (record->identity) identities.release(*record->identity);
    if (record->by_address)
        for (const auto& [address, identity] : *record->by_address)
            identities.release(*identity);
    endpoints.claims.erase(key);
    problems.set_pod(key, {}, {});
}

/// Addresses that the pod has, by netlink's word or by its own.
void Compiler::Impl::touch_pod(Turn& turn, const state::PodKey& key, const Claims::Record& record) {
    turn.addresses.insert(record.addresses.begin(), record.addresses.end());
    if (const auto* slots = endpoints.slots_of(key))
        for (const auto slot : *slots) {
            const auto& addresses = endpoints.local_pods().at(slot).addresses;
            turn.addresses.insert(addresses.begin(), addresses.end());
        }
}

void Compiler::Impl::set_identity(Turn& turn, Identity*& place, Identity* now) {
    if (now) IdentityTable::hold(*now);
    if (place) {
        if (turn.anew && now) identities.note_move(place->id, *now);
        identities.release(*place);
    }
    place = now;
}

/// A role is an address' and not all of its pod's: else whoever tells of a pod that has cluster DNS' address among
/// others would make all of them cluster DNS.
void Compiler::Impl::set_roles(Turn& turn, Claims::Record& record, const state::Pod& pod) {
    const auto* member = policy->tenancy.find(pod.ns);
    std::map<Address, Identity*> before;
    if (record.by_address) before = std::move(*record.by_address);
    record.by_address.reset();
    for (const auto& address : record.addresses) {
        const auto role = policy->role_of(address);
        if (record.is_node || !member || role == Role{}) continue;
        if (!record.by_address) record.by_address = std::make_unique<std::map<Address, Identity*>>();
        auto& place = (*record.by_address)[address];
        if (const auto old = before.extract(address)) place = old.mapped();
        set_identity(turn, place, describe_as(*member, *pod.common, role).identity);
    }
    for (const auto& [address, identity] : before)
        identities.release(*identity);
}

Described Compiler::Impl::describe(Turn& turn, const state::PodKey& key, const state::Pod& pod) {
    const auto* member = policy->tenancy.find(pod.ns);
    if (pod.common->host_network) {
        Described node{.identity = endpoints.fixed.nodes.at(Role{}), .complaints = {}};
        if (member && (member->is_protected() || member->confined()))
            node.complaints.push_back(
                {"spec.hostNetwork", "uses its node's network: it counts as the node, and nothing guards it"});
        return node;
    }
    if (!member) return {.identity = endpoints.fixed.held, .complaints = policy->selectors.complaints({}, *pod.common)};
    if (const auto role = role_of_local(key); role != Role{}) return describe_as(*member, *pod.common, role);
    auto& known = turn.described[{member, pod.common.get()}];
    if (!known.identity) known = describe_as(*member, *pod.common, {});
    return known;
}

Described Compiler::Impl::describe_as(const Membership& member, const state::PodTemplate& common, Role role) {
    return {.identity = &identities.intern(policy->selectors.pod(member, common, role), policy->rules),
            .complaints = policy->selectors.complaints(&member, common)};
}

/// By the device a pod on this node is one, whichever address a packet has: and these are its own for sure.
Role Compiler::Impl::role_of_local(const state::PodKey& key) const {
    Role role;
    const auto* slots = endpoints.slots_of(key);
    if (!slots) return role;
    for (const auto slot : *slots)
        for (const auto& address : endpoints.local_pods().at(slot).addresses) {
            const auto more = policy->role_of(address);
            role.cluster_dns |= more.cluster_dns;
            role.kube_apiserver |= more.kube_apiserver;
            role.infra |= more.infra;
        }
    return role;
}

/// What the API server says of a pod counts until netlink says it, and never after that: its word is a second late.
std::vector<Address> Compiler::Impl::claimed_by(const Turn& turn, const state::PodKey& key,
                                                const state::Pod& pod) const {
    if (pod.finished) return {};
    // Of this name another node may have the next pod already, while its predecessor's interface is only going here.
    const bool told_by_netlink = !pod.common->host_network && pod.node == settings.node_name &&
                                 (endpoints.slots_of(key) != nullptr || turn.cluster.is_unwired(key));
    if (told_by_netlink) return {};
    auto addresses = without_repeats(pod.ips);
    // Every node has those for itself: another node's pod isn't reached by them.
    if (!pod.slice.empty()) std::erase_if(addresses, [](const Address& address) { return address.is_node_local(); });
    return addresses;
}

/// Before classes get their ids.
void Compiler::Impl::settle_disputes(Turn& turn) {
    auto addresses = turn.addresses;
    if (turn.anew) {
        for (const auto& [address, identity] : endpoints.in_common)
            addresses.insert(address);
        for (const auto& [address, claimants] : endpoints.claims.all())
            if (claimants.rival() != nullptr) addresses.insert(address);
    }
    for (const auto& address : addresses)
        settle_dispute(turn, address);
}

void Compiler::Impl::settle_dispute(Turn& turn, const Address& address) {
    auto traits = endpoints.in_common_at(address, *policy);
    if (!traits && !endpoints.in_common.contains(address)) return;
    auto& place = endpoints.in_common[address];
    set_identity(turn, place, traits ? &identities.intern(std::move(*traits), policy->rules) : nullptr);
    if (place == nullptr) endpoints.in_common.erase(address);
}

void Compiler::Impl::publish(Turn& turn) {
    auto outcome = identities.finish();
    if (turn.anew) {
        desired.identities.clear();
        desired.names.clear();
        desired.openings.clear();
        openings.reset(policy->rules);
    }
    for (const auto& gone : outcome.gone) {
        if (turn.anew) continue; // was never published
        openings.remove(*gone, desired, turn.touched.identities);
        desired.identities.erase(gone->id);
        desired.names.erase(gone->id);
    }
    for (const auto* born : outcome.born)
        publish(turn, *born);
    if (turn.anew) write_prefixes();
    if (outcome.born.empty() && outcome.gone.empty()) return;
    problems.set_openings(opening_problems(turn));
    desired.armed = std::any_of(desired.identities.begin(), desired.identities.end(), [](const auto& entry) {
        return entry.first >= BH_IDENTITY_FIRST_FREE && is_enforced(entry.second);
    });
}

void Compiler::Impl::publish(Turn& turn, const Identity& identity) {
    const auto& traits = identity.traits;
    desired.identities[identity.id] = {.tenant = tenant_ids.of(traits.tenant),
                                       .flags = traits.flags | openings.ask_flags(traits),
                                       .key_hash = identity.hash};
    desired.names[identity.id] = {traits.tenant, traits.what};
    openings.add(identity, desired, turn.touched.identities);
}

void Compiler::Impl::write_prefixes() {
    desired.prefixes.clear();
    for (const auto& [cidr, identity] : prefixes)
        desired.prefixes.emplace(cidr, identity->id);
}

/// What came of the pods' own annotations has no object yet: the first such pod stands for all.
std::vector<state::Problem> Compiler::Impl::opening_problems(const Turn& turn) const {
    std::vector<state::Problem> out;
    for (auto [key, problem] : openings.problems()) {
        if (problem.object.empty())
            if (const auto pod = first_pod_of(key.dst)) {
                problem.origin = turn.cluster.pods().at(*pod).origin.text();
                problem.object = "Pod " + *pod;
            }
        out.push_back(std::move(problem));
    }
    return out;
}

std::optional<state::PodKey> Compiler::Impl::first_pod_of(IdentityId identity) const {
    std::optional<state::PodKey> first;
    const auto is_it = [&](const Claims::Record& record) {
        if (record.identity && record.identity->id == identity) return true;
        return record.by_address &&
               std::ranges::any_of(*record.by_address, [&](const auto& entry) { return entry.second->id == identity; });
    };
    for (const auto& [key, record] : endpoints.claims.records())
        if (is_it(record) && (!first || key < *first)) first = key;
    return first;
}

void Compiler::Impl::place(Turn& turn, const Address& address) {
    if (auto problem = endpoints.conflict_at(address, *policy))
        problems.set_address(address, std::move(*problem));
    else
        problems.clear_address(address);
    auto owner = endpoints.owner_of(address, *policy);
    if (!owner) {
        if (desired.endpoints.erase(address) != 0) turn.touched.endpoints.insert(address);
        return;
    }
    const bh_endpoint row{.identity = owner->identity->id, .slot = owner->slot, .flags = owner->flags};
    auto& entry = desired.endpoints[address];
    if (same_row(entry, row, owner->name)) return;
    entry = {row, std::move(owner->name)};
    if (!turn.anew) turn.touched.endpoints.insert(address);
}

void Compiler::Impl::place_all(Turn& turn) {
    desired.endpoints.reserve(endpoints.claims.all().size());
    const auto place_new = [&](const Address& address) {
        if (!desired.endpoints.contains(address)) place(turn, address);
    };
    std::vector<Address> placed;
    placed.reserve(desired.endpoints.size());
    for (const auto& [address, row] : desired.endpoints)
        placed.push_back(address);
    for (const auto& address : placed)
        place(turn, address);
    for (const auto& [address, claimants] : endpoints.claims.all())
        place_new(address);
    for (const auto& [address, name] : policy->nodes)
        place_new(address);
    for (const auto& [address, identity] : endpoints.fixed.externals)
        place_new(address);
    for (const auto& [address, names] : turn.cluster.cluster_ips())
        place_new(address);
    for (const auto& [slot, pod] : endpoints.local_pods())
        for (const auto& address : pod.addresses)
            place_new(address);
    for (const auto& address : turn.cluster.own_addresses())
        place_new(address);
    for (const auto& address : settings.probe_addresses)
        place_new(address);
}

bool Compiler::Impl::may_send_as_others(const Turn& turn, const state::LocalPod& local) const {
    const auto pod = turn.cluster.pods().find(local.pod);
    const auto* member = pod == turn.cluster.pods().end() ? nullptr : policy->tenancy.find(pod->second.ns);
    return member && !member->checks_source();
}

void Compiler::Impl::write_local(Turn& turn) {
    std::vector<state::Problem> found;
    std::map<uint16_t, bh_pod> pods;
    std::map<uint32_t, bh_interface> interfaces;
    for (const auto& [slot, pod] : endpoints.local_pods()) {
        auto row = pod_row(pod, endpoints.identity_of(pod).id, found);
        if (may_send_as_others(turn, pod)) row.flags |= BH_POD_ANY_SOURCE;
        pods.emplace(slot, row);
        for (const auto ifindex : pod.ifindexes)
            interfaces.emplace(ifindex, bh_interface{.slot = slot});
    }
    const auto same_bytes = [](const auto& a, const auto& b) {
        return a.first == b.first && std::memcmp(&a.second, &b.second, sizeof a.second) == 0;
    };
    turn.touched.local = !std::equal(pods.begin(), pods.end(), desired.pods.begin(), desired.pods.end(), same_bytes) ||
                         !std::equal(interfaces.begin(), interfaces.end(), desired.interfaces.begin(),
                                     desired.interfaces.end(), same_bytes);
    desired.pods = std::move(pods);
    desired.interfaces = std::move(interfaces);
    problems.set_local(std::move(found));
}

Compiler::Compiler(Settings settings, KnownIds known) : impl_(std::make_unique<Impl>(std::move(settings), known)) {}

Compiler::Compiler(Compiler&&) noexcept = default;

Compiler::~Compiler() = default;

Touched Compiler::update(const state::Cluster& cluster, const state::Changes& changes) {
    return impl_->update(cluster, changes);
}

bool Compiler::is_halfway() const {
    return !impl_->waiting.empty();
}

bool Compiler::has_room_again() const {
    return impl_->identities.has_room_again();
}

void Compiler::release_known_ids() {
    impl_->identities.release_known();
}

const Desired& Compiler::desired() const {
    return impl_->desired;
}

std::optional<state::Age> Compiler::claimed(const Address& address, const state::PodKey& besides) const {
    return impl_->endpoints.claimed(address, besides);
}

Interest Compiler::interest(const state::Cluster& cluster) const {
    return interest_of(cluster, *impl_->policy, impl_->settings.node_name);
}

} // namespace bulkhead::compile
