// SPDX-License-Identifier: Apache-2.0
//
// The cluster state: what was said last by every source, and what netlink says about this node. Event
// handlers write it and thereby mark it dirty; compile() reads it. One thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "state/address_places.h"
#include "state/found_addresses.h"
#include "state/objects.h"

namespace bulkhead::state {

/// "namespace/name", the key of pods throughout the agent.
using PodKey = std::string;

/// One guarded pod on this node as netlink and the slot table know it. `pod` may name one that no
/// source has told of yet: then it is held.
struct LocalPod {
    uint16_t slot = 0;       // index in the pods map, never 0
    uint32_t generation = 0; // never 0
    int32_t nsid = -1;       // of the pod's netns
    bool older = false;      // than this node's first agent, for all that is known
    PodKey pod;              // empty = unknown
    std::vector<uint32_t> ifindexes{};
    std::vector<Address> addresses{}; // from host routes to the veth
    AddressPlaces places{};           // of these in the pod's row
    std::optional<Time> addressed{};  // when it got the first of them; empty = it had them when we came
    bool operator==(const LocalPod&) const = default;
};

/// What changed since the last look, so that one changed pod costs one changed entry.
struct Changes {
    /// Namespaces, tenants, grants, resources, nodes, slices, Services' external addresses, or more pods
    /// than are worth telling one by one (then `pods` doesn't name them): compile everything.
    bool policy = false;
    bool many_pods = false; // with `policy`: there are such pods
    bool local = false;     // anything in `local_pods` or `own_addresses`
    std::set<PodKey> pods;
    std::set<Address> cluster_ips; // that a Service got or lost
    bool any() const { return policy || local || !pods.empty() || !cluster_ips.empty(); }
};

class Cluster {
public:
    using Now = std::function<Time()>;
    static Time machine_time() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }
    explicit Cluster(Now now = machine_time) : now_(std::move(now)) {}

    /// Adds or replaces. An equal object is no change.
    void put(Object object);
    void remove(const ObjectKey& key);

    /// The file (or URL) that the object in force under `key` came from; nothing if there is none.
    std::optional<std::string_view> origin_of(const ObjectKey& key) const;

    void set_local_pods(std::map<uint16_t, LocalPod> pods); // by slot
    void set_own_addresses(std::set<Address> addresses);    // of this node's interfaces

    /// Those whose time has come are over from now on. No news tells of it: to be called now and then.
    void end_overrides();

    /// False while not all slices are heard, or not yet: an address that nobody tells of may then be a pod's, so nobody
    /// may do anything for being in a CIDR, an AWSResource's network or the world. True at first.
    void set_all_pods_known(bool known);

    const std::unordered_map<PodKey, Pod>& pods() const { return pods_; }
    const std::map<std::string, Namespace>& namespaces() const { return namespaces_; }
    const std::map<std::string, Node>& nodes() const { return nodes_; }
    const std::map<ObjectKey, EndpointSlice>& endpoint_slices() const { return endpoint_slices_; }
    const std::map<ObjectKey, Service>& services() const { return services_; }
    const std::map<std::string, Tenant>& tenants() const { return tenants_; }
    const std::map<ObjectKey, AccessGrant>& access_grants() const { return access_grants_; }
    const std::map<std::string, AwsResource>& resources() const { return resources_; }
    const std::map<std::string, Override>& overrides() const { return overrides_; }
    bool all_pods_known() const { return all_pods_known_; }
    const std::map<uint16_t, LocalPod>& local_pods() const { return local_pods_; }
    const std::set<Address>& own_addresses() const { return own_addresses_; }
    /// Netlink showed that this pod's interfaces are gone: what its status says it has, it has no longer.
    bool is_unwired(const PodKey& key) const;

    /// The pods that are here, by Pod objects, and that netlink shows an interface of, or showed: with their uids.
    using Wired = std::map<PodKey, SharedText>;
    Wired wired() const;
    /// What wired() was for a former agent: those that netlink doesn't show now lost theirs while none ran, or before.
    /// To be called before set_local_pods().
    void set_wired_before(const Wired& wired);

    /// "namespace/name" of the Services by their cluster IPs, and by their external ones.
    using ServiceNames = std::unordered_map<Address, std::set<std::string>>;
    const ServiceNames& cluster_ips() const { return cluster_ips_; }
    const ServiceNames& external_ips() const { return external_ips_; }

    /// What changed since the last call; forgets it.
    Changes take_changes();
    bool dirty() const { return changes_.any(); }

    /// What is kept of an IdentitySlice beside what it tells of.
    struct KnownSlice {
        std::string origin; // as in Meta
        std::set<PodKey> pods;
    };
    const std::map<std::string, KnownSlice>& identity_slices() const { return identity_slices_; }

    /// Whom the API server calls by itself.
    const std::vector<ApiServerReach>& api_server_reach() const { return api_server_reach_; }

private:
    void put_pod(Pod pod);
    void remove_pod(const PodKey& key, std::string_view slice);
    void put_slice(IdentitySlice slice);
    using Date = std::optional<Time> Pod::*;
    std::optional<Time> plausible(Date date, const PodKey& key, const Pod& pod) const;
    const Pod* telling_of(const PodKey& key, std::string_view slice) const;
    void remove_slice(const std::string& name);
    void set_api_server_reach(std::vector<ApiServerReach> reach);
    void set_found(const std::string& slice, const std::string& resource, std::vector<Cidr> addresses,
                   OwnersByAddress owners);
    void speak(const PodKey& key, Pod pod);
    void mark_pod(const PodKey& key);
    void put_service(const ObjectKey& key, Service service);
    void remove_service(const ObjectKey& key);
    void forget_addresses(const Service& service);

    Now now_;
    std::unordered_map<PodKey, Pod> pods_;                        // as the best of those who tell of each has it
    std::map<PodKey, std::map<std::string, Pod>> other_tellings_; // by slice; "" = a Pod object's
    std::map<std::string, KnownSlice> identity_slices_;
    std::vector<ApiServerReach> api_server_reach_;
    std::map<std::string, Namespace> namespaces_;
    std::map<std::string, Node> nodes_;
    std::map<ObjectKey, EndpointSlice> endpoint_slices_;
    std::map<ObjectKey, Service> services_;
    ServiceNames cluster_ips_;
    ServiceNames external_ips_;
    std::map<std::string, Tenant> tenants_;
    std::map<ObjectKey, AccessGrant> access_grants_;
    std::map<std::string, AwsResource> resources_;
    FoundAddresses found_;
    std::map<std::string, Override> overrides_;
    bool all_pods_known_ = true;
    std::map<uint16_t, LocalPod> local_pods_;
    std::unordered_map<PodKey, SharedText> unwired_; // with their uids
    std::set<Address> own_addresses_;
    Changes changes_;
};

} // namespace bulkhead::state
