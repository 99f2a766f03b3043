// SPDX-License-Identifier: Apache-2.0
//
// What sources say: Kubernetes objects and ours, decoded and checked, with only the fields that count.
// Passive values. Whatever made it here is valid by itself (a CIDR has no host bits, a range is in
// order); what only shows among several objects (two Tenants claim a namespace) is compile()'s.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "state/owner_tags.h"
#include "state/shared_text.h"

namespace bulkhead::state {

inline constexpr std::chrono::seconds kMuchLater{30}; // so long no address is given to another pod (amazon-vpc-cni-k8s)

inline constexpr uint32_t kLastTurn = 1'000'000'000;

using Labels = std::map<std::string, std::string>;
using Time = std::chrono::sys_seconds;

/// Of two pods that seem to have an address, the younger has it. Where both are of one age, nobody knows.
struct Age {
    std::optional<Time> dated{};
    uint32_t turn = 0; // among those of that date
    auto operator<=>(const Age&) const = default;
};

enum class Level : uint8_t { kNonProtected, kProtected };
enum class Mode : uint8_t { kAudit, kEnforce };

/// A Kubernetes label selector. Terms are ANDed; none of them = everything.
struct Selector {
    struct Term {
        enum class Op : uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
        std::string key;
        Op op = Op::kExists;
        std::vector<std::string> values;
        auto operator<=>(const Term&) const = default;
    };
    std::vector<Term> terms; // matchLabels become kIn with one value

    bool matches(const Labels& labels) const;
    /// Every label that it asks for is among these.
    bool asks_only(const std::set<std::string>& keys) const;
    auto operator<=>(const Selector&) const = default;
};

/// One entry of `ports`: a number with an optional end, or a container port's name.
struct PortSpec {
    uint8_t protocol = BH_TCP; // enum bh_protocol; of a name the container port's own counts: here
                               // BH_ANY_PROTOCOL, or the only one that is meant
    uint16_t first = 0;        // host order
    uint16_t last = 0;         // ICMP: 0..65535
    std::string name;          // not empty: a container port's name
    auto operator<=>(const PortSpec&) const = default;
};

/// None = every protocol and port.
using Ports = std::vector<PortSpec>;

struct TenantPeer {
    std::string tenant; // "payments", or with its source: "capsule/payments", "ns/payments"
    std::optional<Selector> pods;
    auto operator<=>(const TenantPeer&) const = default;
};

struct NamespacePeer {
    std::string ns;
    std::optional<Selector> pods;
    std::optional<std::string> service_account;
    auto operator<=>(const NamespacePeer&) const = default;
};

struct ResourcePeer {
    std::string name; // AWSResource, or a built-in: "cluster-dns", "kube-apiserver"
    auto operator<=>(const ResourcePeer&) const = default;
};

struct CidrPeer {
    Cidr cidr;
    auto operator<=>(const CidrPeer&) const = default;
};

struct WorldPeer {
    auto operator<=>(const WorldPeer&) const = default;
};

using Peer = std::variant<TenantPeer, NamespacePeer, ResourcePeer, CidrPeer, WorldPeer>;

/// Which pods: absent parts do not narrow.
struct PodTarget {
    std::optional<Selector> namespaces;
    std::optional<Selector> pods;
    auto operator<=>(const PodTarget&) const = default;
};

struct Opening { // expose and trusted
    PodTarget target;
    Ports ports;
    auto operator<=>(const Opening&) const = default;
};

struct Grant { // allowFrom, AccessGrant
    std::vector<Peer> from;
    PodTarget to;
    Ports ports;
    std::optional<Time> until;
    std::string reason;
    auto operator<=>(const Grant&) const = default;
};

struct AllowTo {
    std::vector<Peer> to;
    Ports ports;
    auto operator<=>(const AllowTo&) const = default;
};

/// What every object has.
struct Meta {
    std::string name;
    std::string ns;     // empty = cluster-scoped
    std::string origin; // where it was read: "payments.yaml:12", or the API server
    std::optional<Time> created;
    auto operator<=>(const Meta&) const = default;
};

struct Namespace {
    Meta meta;
    Labels labels; // kubernetes.io/metadata.name is always there
    bool operator==(const Namespace&) const = default;
};

struct ContainerPort {
    std::string name;
    uint8_t protocol = BH_TCP;
    uint16_t port = 0;
    auto operator<=>(const ContainerPort&) const = default;
};

/// The object that made a pod: "Deployment", "web".
struct Workload {
    std::string kind; // empty = nobody did, or nobody tells
    std::string name;
    auto operator<=>(const Workload&) const = default;
};

/// What the pods of one workload have in common: shared between them, since a cluster has a hundred
/// thousand pods and a few thousand of these. (Not the node: a workload's pods are spread over nodes.)
struct PodTemplate {
    Labels labels;
    /// Of these keys it is known whether a label is there; nothing = of all. An IdentitySlice tells of those
    /// that some selector named when it was written.
    std::optional<std::set<std::string>> known_labels{};
    std::string service_account;
    std::string expose; // the annotation as written; compile() reports its bad words
    std::vector<ContainerPort> ports;
    bool host_network = false;
    Workload workload{};
    auto operator<=>(const PodTemplate&) const = default;
};

struct Pod {
    std::string name;
    std::string ns;
    Origin origin;
    SharedText node; // spec.nodeName; empty = not scheduled yet
    std::shared_ptr<const PodTemplate> common;
    std::vector<Address> ips; // status.podIPs
    std::optional<Time> created{};
    std::optional<Time> since{}; // it has been on its node, or has had its addresses; where that is much later
    SharedText uid{};            // a static pod's own where this mirrors it; empty = not told
    SharedText slice{};          // the IdentitySlice that tells of it; empty = a Pod does
    uint32_t turn = 0;           // so many pods of its date had one of its addresses before, for all its node knew
    bool finished = false;       // Succeeded or Failed: its addresses are no longer its own

    bool operator==(const Pod& other) const {
        return name == other.name && ns == other.ns && node == other.node && *common == *other.common &&
               ips == other.ips && created == other.created && since == other.since && uid == other.uid &&
               turn == other.turn && finished == other.finished;
    }

    std::optional<Time> dated() const { return std::max(created, since); }
    Age age() const { return {dated(), turn}; }
};

/// Pods that the API server calls by itself, because a webhook configuration, an APIService or a CRD's conversion
/// names their Service.
struct ApiServerReach {
    std::string origin;
    std::string ns;
    std::string service;
    Selector pods;
    Ports ports;
    bool operator==(const ApiServerReach&) const = default;
};

/// The pods of one tenant on one node, as that node's agent sees them; or, of no node, as bulkhead-controller sees it:
/// whom the API server calls, or which addresses an AWSResource was found to have.
struct IdentitySlice {
    Meta meta;
    std::vector<Pod> pods{};
    std::vector<ApiServerReach> reach{};
    std::string resource{}; // whose these are:
    std::vector<Cidr> addresses{};
    OwnersByAddress owners{};
    bool operator==(const IdentitySlice&) const = default;
};

struct Node {
    Meta meta;
    std::string uid{};
    std::vector<Address> addresses{};
    bool operator==(const Node&) const = default;
};

/// Only those of kube-system/kube-dns and default/kubernetes count; the reader drops the rest.
struct EndpointSlice {
    Meta meta;
    std::string service; // name alone: "kube-dns", "kubernetes"; its namespace is meta.ns
    std::vector<Address> addresses;
    std::map<Address, std::set<std::string>> pods{}; // "namespace/name" of the pods behind them, where it says so
    Ports ports;
    bool operator==(const EndpointSlice&) const = default;
};

/// A v1 Service, as far as its addresses go.
struct Service {
    Meta meta;
    std::vector<Address> cluster_ips;  // the API server's choice, nobody else's address
    std::vector<Address> external_ips; // spec.externalIPs, which whoever may write a Service chooses, and
                                       // status.loadBalancer's
    bool operator==(const Service&) const = default;
};

/// Where, and as whom, AWS is asked. Empty: as the Tenant says, else as bulkhead-controller is set up.
struct AwsPlace {
    std::string role{}; // its ARN
    std::string external_id{};
    std::string region{};
    std::string unsaid{}; // why nobody can say which; then it isn't asked
    auto operator<=>(const AwsPlace&) const = default;
};

struct Tenant {
    Meta meta;
    std::vector<std::string> namespaces;
    std::optional<Selector> namespace_selector; // absent = none
    std::optional<Level> level;
    std::optional<Mode> mode;
    bool sealed = false;
    bool confined = false;
    bool pod_expose = true;
    bool access_grants = true;
    bool source_check = true; // off: its pods route for others
    std::vector<Opening> expose;
    std::vector<Opening> trusted;
    std::vector<Grant> allow_from;
    std::vector<AllowTo> allow_to;
    AwsPlace place{}; // of its AWSResources that don't say theirs
    bool operator==(const Tenant&) const = default;
};

struct AccessGrant { // `grant.to` only narrows pods of its own namespace
    Meta meta;
    Grant grant;
    bool operator==(const AccessGrant&) const = default;
};

/// What an AWSResource names instead of addresses: which they are only AWS or DNS can tell.
struct LookUps {
    std::set<std::string> hostnames{}; // as dns::hostname_of() makes them
    std::set<std::string> security_groups{};
    std::set<std::string> subnets{};
    std::set<std::string> prefix_lists{}; // ids, or names of AWS' own
    Labels interface_tags{};              // all of them on one network interface
    Labels resource_tags{};               // all of them on one database or cache
    bool operator==(const LookUps&) const = default;
    bool empty() const { return *this == LookUps{}; }
};

struct AwsResource {
    Meta meta;
    std::string tenant;       // empty = nobody's, or
    std::string tenant_tag{}; // the tag of AWS that names it
    Level level = Level::kProtected;
    bool says_level = false; // else by default
    std::string level_tag{}; // the tag that says it, where there is one
    std::optional<Mode> mode;
    Ports ports; // none = protected on all; else only on these
    std::vector<Grant> allow_from;
    std::vector<Cidr> cidrs;
    bool instance_metadata = false;
    LookUps look_ups{};
    AwsPlace place{};
    std::vector<Cidr> found{}; // by looking up, as IdentitySlices tell: Cluster fills it in
    OwnersByAddress owners{};  // of these, by their tags
    bool operator==(const AwsResource&) const = default;
    bool asks_tags() const { return !tenant_tag.empty() || !level_tag.empty(); }
};

/// All that it has: what it says, and what was found.
std::vector<Cidr> all_cidrs(const AwsResource& resource);

/// Break glass: for a while what would fall for the sake of a tenant's level or confinement passes, and is reported as
/// in audit mode.
struct Override {
    Meta meta;
    std::string tenant; // as a peer names it; empty = everybody: then whatever would fall passes
    Time until;
    std::string reason;
    bool only_here = false; // said to this node's agent alone
    bool over = false;      // its time has passed; Cluster keeps it
    bool operator==(const Override&) const = default;
};

/// Not each of its addresses is named: a pod's may be among them.
bool has_network(const AwsResource& resource);

using Object = std::variant<Namespace, Pod, Node, EndpointSlice, Service, Tenant, AccessGrant, AwsResource, Override,
                            IdentitySlice>;

/// "kind" as in YAML, then namespace and name: what makes an object itself.
struct ObjectKey {
    std::string kind;
    std::string ns;
    std::string name;
    std::string text() const; // "Tenant payments", "AccessGrant payments/reports"
    auto operator<=>(const ObjectKey&) const = default;
};

ObjectKey key_of(const Object& object);

/// Where it was read: "payments.yaml:12".
std::string origin_of(const Object& object);

/// Something that somebody should mend. Kept until it is gone, shown in the log once and by
/// `bulkheadctl status` for as long as it lasts.
struct Problem {
    std::string origin; // file:line, or where the API server has it
    std::string object; // ObjectKey::text(), or empty
    std::string field;  // "spec.allowFrom[0].ports[1].port", or empty
    std::string text;   // what is wrong, and what is in force instead
    enum class Nature : uint8_t {
        kMistake,     // some of it means nothing, or less than it says
        kInvalid,     // the object as a whole isn't understood
        kConflict,    // another object says otherwise, and counts
        kMissing,     // it speaks of an object that isn't there: a mistake, unless somebody reads only a part of all
        kNotGuarded,  // a node can't do for it what is asked
        kOverride,    // it keeps something from being enforced, as it shall
        kNotAnswered, // AWS or DNS doesn't say what it means; what they said last stays in force
        kAnswered,    // they do again: nothing to mend, but good to know
    };
    Nature nature = Nature::kMistake;
    auto operator<=>(const Problem&) const = default;
};

} // namespace bulkhead::state
