// SPDX-License-Identifier: Apache-2.0
//
// The cluster of one measurement, in the programs' maps and here: endpoints with random addresses, so that
// no cache learns them, some of them pods of this node; tenants, each with a resource; and
// for every protected identity an exposed port and a peer with a grant. Written as bytes of abi.h,
// without the agent. The seed is fixed: two runs measure the same cluster.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "datapath/kernel.h"
#include "replay.h"

namespace bulkhead::bench {

struct Scale {
    uint32_t endpoints = 0;
    uint32_t tenants = 0;
    std::string text() const;
};

struct Endpoint {
    bh_addr address4{};
    bh_addr address6{};
    uint32_t tenant = 0; // index; its number in the maps is one more
    uint32_t identity = 0;
    bool is_protected = false;
    uint16_t slot = 0;    // of a pod on this node, else 0
    uint32_t ifindex = 0; // of its veth; else the uplink's

    const bh_addr& address(uint8_t family) const { return family == BH_IPV4 ? address4 : address6; }
};

/// Who a pod of this node talks to.
enum class Relation : uint8_t {
    kAnyToOpen,   // the pod is not protected, its peer may be anybody
    kSameTenant,  // the pod is protected, its peer of the same tenant
    kStranger,    // the pod is protected, its peer of another tenant, without a grant, and open
    kGranted,     // the pod is protected, its peer holds a grant
    kOwnResource, // the peer is the tenant's resource, known by address
    kOwnCidr,     // the same, known by CIDR
};

struct Conversation {
    const Endpoint* pod = nullptr;
    const Endpoint* peer = nullptr;
    uint16_t pod_port = 0; // host order
    uint16_t peer_port = 0;
};

enum class Server : uint8_t { kPod, kPeer };

/// What the openings map is asked.
enum class Ask : uint8_t { kNothing, kExposesAndGrants };

inline constexpr uint32_t kUplinkIfindex = 2;
inline constexpr uint16_t kExposedPort = 8443;
inline constexpr uint16_t kGrantedPort = 5432;

class Scene {
public:
    static Result<Scene> build(const datapath::Kernel& kernel, Scale scale);

    /// Random pods, peers and ports, `most` of them at most: as many as there are endpoints, 1,024 at least.
    std::vector<Conversation> conversations(Relation relation, Server server, uint16_t server_port, size_t most) const;

    /// Makes every identity say that it has, or hasn't, openings worth a look-up.
    Result<> set_asked(Ask ask) const;
    Result<> set_events_per_second(uint32_t events) const;
    /// Rewrites all pods of this node; another generation makes all their memories another pod's.
    Result<> set_pods(uint32_t generation, uint32_t flow_sets, int32_t nsid) const;

    const std::vector<uint16_t>& slots() const { return slots_; }
    const datapath::Maps& maps() const { return kernel_->maps(); }
    const Scale& scale() const { return scale_; }

private:
    Scene(const datapath::Kernel& kernel, Scale scale) : kernel_(&kernel), scale_(scale) {}

    void invent();
    void invent_resources();
    Endpoint new_endpoint();
    Result<> write_endpoints() const;
    Result<> write_prefixes() const;
    Result<> write_openings() const;
    Result<> write_control() const;
    Result<> write_interfaces() const;

    const Endpoint* pod_for(Relation relation, std::mt19937_64& random) const;
    const Endpoint* peer_for(Relation relation, const Endpoint& pod, std::mt19937_64& random) const;

    const datapath::Kernel* kernel_;
    Scale scale_;
    std::mt19937_64 random_{20240607};
    std::unordered_set<uint64_t> taken_;
    std::vector<Endpoint> endpoints_;
    std::vector<Endpoint> resources_; // one for each tenant, known by address
    std::vector<Endpoint> blocks_;    // one for each tenant: an address within its CIDR
    std::vector<std::vector<uint32_t>> by_tenant_;
    std::vector<uint16_t> slots_;
    std::vector<const Endpoint*> open_pods_;
    std::vector<const Endpoint*> protected_pods_;
};

} // namespace bulkhead::bench
