// SPDX-License-Identifier: Apache-2.0
#include "compile/prefixes.h"

#include <algorithm>
#include <set>
#include <utility>

namespace bulkhead::compile {

namespace {

bool names_tenant(const Part& part) {
    return part.resource->tenant_tag.empty() && !part.tenant.empty();
}

/// Whoever comes first owns what both claim. Before a tag, which others may write, an object counts that names its
/// tenant.
bool is_stricter(const Part* a, const Part* b, const Selectors& selectors) {
    if (a->level != b->level) return a->level > b->level;
    const auto mode_a = selectors.mode_of(*a);
    const auto mode_b = selectors.mode_of(*b);
    if (mode_a != mode_b) return mode_a > mode_b;
    if (names_tenant(*a) != names_tenant(*b)) return names_tenant(*a);
    return a->resource->meta.name < b->resource->meta.name;
}

/// Walks CIDRs of one family in order of address and length, so that what covers one is on a stack.
class Sweep {
public:
    Sweep(const Selectors& selectors, std::vector<state::Problem>& problems)
        : selectors_(selectors), problems_(problems) {}

    Covered next(const Cidr& cidr, const Saying& saying) {
        while (!open_.empty() && !open_.back().cidr.contains(cidr))
            open_.pop_back();
        Covered covered{.cidr = cidr, .external = {}, .is_endpoint = saying.is_endpoint};
        if (!open_.empty()) covered.external = open_.back().external;
        if (saying.role.kube_apiserver) covered.external.owner = nullptr; // its interfaces are in the nodes' subnets
        covered.external.role = saying.role;
        covered.external.is_service = saying.is_service;
        add(saying, cidr, covered.external);
        open_.push_back(covered);
        return covered;
    }

private:
    void add(const Saying& saying, const Cidr& cidr, External& external) {
        external.cidrs.insert(external.cidrs.end(), saying.peers.begin(), saying.peers.end());
        if (saying.resources.empty()) return;
        auto resources = saying.resources;
        std::sort(resources.begin(), resources.end(),
                  [&](const auto* a, const auto* b) { return is_stricter(a, b, selectors_); });
        external.in_network = !cidr.is_single();
        external.covering.insert(external.covering.end(), resources.begin(), resources.end());
        if (saying.role.kube_apiserver) leave_to_api_server(cidr, resources);
        if (resources.empty()) return;
        external.owner = resources.front();
        for (size_t i = 1; i < resources.size(); ++i)
            report(cidr, *resources[i]->resource, *resources.front()->resource);
    }

    /// Without it no pod works. So it is a resource's only where somebody wrote down just this address: a security
    /// group or a name may bring it along.
    void leave_to_api_server(const Cidr& cidr, std::vector<const Part*>& parts) {
        std::erase_if(parts, [&](const auto* part) {
            const auto& resource = *part->resource;
            if (std::ranges::find(resource.cidrs, cidr) != resource.cidrs.end()) return false;
            problems_.push_back(
                {resource.meta.origin, "AWSResource " + resource.meta.name, "spec.addresses",
                 cidr.text() + " is the API server's, and stays so unless spec.addresses.cidrs names it",
                 state::Problem::Nature::kConflict});
            return true;
        });
    }

    /// Two that name one security group share thousands of addresses: of those found one stands for all.
    void report(const Cidr& cidr, const state::AwsResource& loser, const state::AwsResource& owner) {
        const bool is_found = std::ranges::binary_search(loser.found, cidr);
        if (is_found && !sharing_.emplace(&loser, &owner).second) return;
        problems_.push_back({loser.meta.origin, "AWSResource " + loser.meta.name, "spec.addresses",
                             cidr.text() + " is also AWSResource " + owner.meta.name + "'s, which owns it",
                             state::Problem::Nature::kConflict});
    }

    const Selectors& selectors_;
    std::vector<state::Problem>& problems_;
    std::vector<Covered> open_;
    std::set<std::pair<const state::AwsResource*, const state::AwsResource*>> sharing_; // what was found, as reported
};

} // namespace

Sayings collect_sayings(const state::Cluster& cluster, const Parts& parts, const Selectors& selectors,
                        const std::map<Address, Role>& roles) {
    Sayings sayings;
    for (const auto& [name, resource] : cluster.resources()) {
        for (const auto& [cidr, part] : parts.of(resource)) {
            auto& saying = sayings[cidr];
            if (!saying.resources.empty() && saying.resources.back() == part) continue; // listed twice
            saying.resources.push_back(part);
            saying.is_endpoint |= cidr.is_single();
        }
    }
    for (const auto& [cidr, mention] : selectors.cidrs())
        sayings[cidr].peers.push_back(mention);
    for (const auto& [address, role] : roles) {
        auto& saying = sayings[Cidr::of(address)];
        saying.role = role;
        saying.is_endpoint = true;
    }
    for (const auto& [address, names] : cluster.external_ips()) {
        auto& saying = sayings[Cidr::of(address)];
        saying.is_service = true;
        saying.is_endpoint = true;
    }
    return sayings;
}

std::vector<Covered> flatten(const Sayings& sayings, const Selectors& selectors,
                             std::vector<state::Problem>& problems) {
    std::vector<Covered> out;
    out.reserve(sayings.size());
    Sweep sweep4(selectors, problems);
    Sweep sweep6(selectors, problems);
    for (const auto& [cidr, saying] : sayings)
        out.push_back((cidr.address.family == BH_IPV4 ? sweep4 : sweep6).next(cidr, saying));
    return out;
}

} // namespace bulkhead::compile
