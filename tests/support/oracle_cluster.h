// SPDX-License-Identifier: Apache-2.0
//
// Who is who, for the oracle: which tenant a namespace belongs to and how strict it is, whose an address
// is, who matches a peer. A view over objects that outlive it.
#pragma once

#include <string>
#include <vector>

#include "support/oracle.h"

namespace bulkhead::test {

/// One end of a conversation.
struct Party {
    enum class Kind : uint8_t {
        kPod,
        kHeld,    // a pod whose namespace is not known
        kNode,    // hostNetwork pods included
        kOutside, // neither: AWS resources and the rest of the world
        kService, // a Service's cluster IP: no part of the world, and nobody's
    };
    Kind kind = Kind::kOutside;
    const state::Pod* pod = nullptr;           // kPod, kHeld
    const state::Namespace* ns = nullptr;      // kPod
    const state::AwsResource* owner = nullptr; // kOutside: the most specific resource, if any
    std::string node;                          // where it runs, or the node itself
    std::vector<Address> addresses;

    bool is_pod() const { return kind == Kind::kPod; }
    bool is_outside() const { return kind == Kind::kOutside; }
};

class ClusterView {
public:
    ClusterView(const std::vector<state::Object>& objects, const OracleSettings& settings)
        : objects_(objects), settings_(settings) {}

    /// By name or by address, see Question.
    Result<Party> party(const std::string& name, uint8_t family) const;

    /// "payments", "capsule/payments", ...; empty = nobody's.
    std::string tenant_of(const Party& party) const;
    std::string tenant_of(const state::Namespace& ns) const;

    /// The Tenant object that the pod's namespace belongs to, if there is one.
    const state::Tenant* declared_tenant_of(const Party& pod) const;
    const state::Tenant* declared_tenant_of(const state::Namespace& ns) const;

    bool is_kept_open(const state::Namespace& ns) const { return settings_.keep_open.contains(ns.meta.name); }
    bool is_protected(const state::Namespace& ns) const;
    bool is_audited(const state::Namespace& ns) const;
    bool is_audited(const state::AwsResource& resource) const;

    bool is_infra(const Party& party) const; // cluster DNS, Pod Identity
    bool has_address_of_service(const Party& party, std::string_view ns, std::string_view service) const;
    bool is_cluster_dns(const Party& party) const;

    bool matches_target(const state::PodTarget& target, const Party& pod) const;
    /// As a source every resource that covers the address counts; as a destination only its owner.
    bool matches_source(const state::Peer& peer, const Party& source) const;
    bool matches_destination(const state::Peer& peer, const Party& destination) const;

    template <typename T>
    std::vector<const T*> all() const {
        std::vector<const T*> found;
        for (const state::Object& object : objects_) {
            if (const T* one = std::get_if<T>(&object)) found.push_back(one);
        }
        return found;
    }

    const state::Namespace* namespace_named(const std::string& name) const;

private:
    struct Said { // what somebody says about a namespace
        std::optional<state::Level> level;
        std::optional<state::Mode> mode;
    };

    Party party_at(const Address& address) const;
    bool is_cluster_ip(const Party& party) const;
    Party party_of(const state::Pod& pod) const;
    Party party_of_node(const std::string& name) const;
    Result<Party> party_of(const state::AwsResource& resource, uint8_t family) const;

    std::vector<const state::Tenant*> claimants(const state::Namespace& ns) const; // the owner first
    const state::Tenant* tenant_named(const std::string& name) const;
    const state::Tenant* usurped_tenant(const state::Namespace& ns) const;
    std::vector<Said> said_about(const state::Namespace& ns) const;
    bool enabled(const std::string& source) const { return settings_.tenant_sources.contains(source); }

    const state::AwsResource* owner_of(const Address& address) const;
    bool matches_pods_or_addresses(const state::Peer& peer, const Party& party) const;
    bool matches_builtin(const std::string& name, const Party& party) const;

    const std::vector<state::Object>& objects_;
    const OracleSettings& settings_;
};

/// Whether any of the resource's own CIDRs covers the address, and the length of the longest that does.
std::optional<int> coverage(const state::AwsResource& resource, const Address& address);

} // namespace bulkhead::test
