// SPDX-License-Identifier: Apache-2.0
#include "compile/label_keys.h"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>
#include <tuple>

namespace bulkhead::compile {

namespace {

using Keys = std::set<std::string>;

/// nullptr: the peer has none.
struct PodsOf {
    static const state::Selector* of(const std::optional<state::Selector>& pods) { return pods ? &*pods : nullptr; }
    const state::Selector* operator()(const state::TenantPeer& peer) const { return of(peer.pods); }
    const state::Selector* operator()(const state::NamespacePeer& peer) const { return of(peer.pods); }
    const state::Selector* operator()(const auto&) const { return nullptr; }
};

void add_keys(const state::Selector* selector, Keys& keys) {
    if (!selector) return;
    for (const auto& term : selector->terms)
        keys.insert(term.key);
}

void add_keys(const std::vector<state::Peer>& peers, Keys& keys) {
    for (const auto& peer : peers)
        add_keys(std::visit(PodsOf{}, peer), keys);
}

Keys platforms_keys(const state::Cluster& cluster) {
    Keys keys;
    for (const auto& [name, tenant] : cluster.tenants()) {
        for (const auto& trusted : tenant.trusted)
            add_keys(PodsOf::of(trusted.target.pods), keys);
        for (const auto& grant : tenant.allow_from)
            add_keys(grant.from, keys);
        for (const auto& allowed : tenant.allow_to)
            add_keys(allowed.to, keys);
    }
    for (const auto& [name, resource] : cluster.resources())
        for (const auto& grant : resource.allow_from)
            add_keys(grant.from, keys);
    return keys;
}

/// A key that an AccessGrant asks for.
struct Wish {
    const state::AccessGrant* grant;
    size_t peer; // spec.from[peer]
    const std::string* key;
};
using Wishes = std::vector<Wish>; // of one namespace

/// Unknown age is no age.
std::tuple<state::Time, std::string_view, std::string_view> seniority(const state::AccessGrant& grant) {
    return {grant.meta.created.value_or(state::Time::max()), grant.meta.ns, grant.meta.name};
}

bool is_senior(const state::AccessGrant* a, const state::AccessGrant* b) {
    return seniority(*a) < seniority(*b);
}

Wishes wishes_in(const std::vector<const state::AccessGrant*>& grants) {
    Wishes wishes;
    for (const auto* grant : grants)
        for (size_t i = 0; i < grant->grant.from.size(); ++i)
            if (const auto* selector = std::visit(PodsOf{}, grant->grant.from[i]))
                for (const auto& term : selector->terms)
                    wishes.push_back({grant, i, &term.key});
    return wishes;
}

/// By namespace, the one with the oldest grant first; each with its oldest grants first.
std::vector<Wishes> wishes_of_tenants(const state::Cluster& cluster) {
    std::map<std::string_view, std::vector<const state::AccessGrant*>> by_namespace;
    for (const auto& [key, grant] : cluster.access_grants())
        by_namespace[grant.meta.ns].push_back(&grant);
    std::vector<Wishes> all;
    for (auto& [ns, grants] : by_namespace) {
        std::ranges::sort(grants, is_senior);
        if (auto wishes = wishes_in(grants); !wishes.empty()) all.push_back(std::move(wishes));
    }
    std::ranges::sort(all, [](const auto& a, const auto& b) { return is_senior(a.front().grant, b.front().grant); });
    return all;
}

/// The first that isn't there yet; false if there is none.
bool take_one(std::span<const Wish>& wishes, Keys& keys) {
    while (!wishes.empty()) {
        const bool is_new = keys.insert(*wishes.front().key).second;
        wishes = wishes.subspan(1);
        if (is_new) return true;
    }
    return false;
}

/// One key for each namespace in turn.
void share_out(const std::vector<Wishes>& all, Keys& keys) {
    std::vector<std::span<const Wish>> open(all.begin(), all.end());
    while (!open.empty())
        std::erase_if(open, [&](auto& wishes) { return keys.size() >= kMostLabelKeys || !take_one(wishes, keys); });
}

state::Problem without_room(const Wish& wish, size_t more) {
    const auto& meta = wish.grant->meta;
    return {.origin = meta.origin,
            .object = "AccessGrant " + meta.ns + "/" + meta.name,
            .field = "spec.from[" + std::to_string(wish.peer) + "].podSelector",
            .text = "there is no room for the label key " + *wish.key +
                    (more ? " (nor for " + std::to_string(more) + " more)" : "") + ": nodes tell each other of " +
                    std::to_string(kMostLabelKeys) + " at most, so of other nodes' pods the selector matches none"};
}

/// One problem for each grant.
void report_losers(const Wishes& wishes, const Keys& keys, std::vector<state::Problem>& problems) {
    std::map<const state::AccessGrant*, std::pair<const Wish*, std::set<std::string_view>>> losers;
    for (const auto& wish : wishes) {
        if (keys.contains(*wish.key)) continue;
        auto& [first, lost] = losers.try_emplace(wish.grant, &wish, std::set<std::string_view>{}).first->second;
        lost.insert(*wish.key);
    }
    for (const auto& [grant, loser] : losers)
        problems.push_back(without_room(*loser.first, loser.second.size() - 1));
}

} // namespace

Keys label_keys(const state::Cluster& cluster, std::vector<state::Problem>& problems) {
    auto keys = platforms_keys(cluster);
    const auto wishes = wishes_of_tenants(cluster);
    share_out(wishes, keys);
    for (const auto& those : wishes)
        report_losers(those, keys, problems);
    return keys;
}

Keys label_keys(const state::Cluster& cluster) {
    std::vector<state::Problem> told_elsewhere;
    return label_keys(cluster, told_elsewhere);
}

} // namespace bulkhead::compile
