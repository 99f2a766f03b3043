// SPDX-License-Identifier: Apache-2.0
#include "scene.h"

#include <netinet/in.h>

#include <algorithm>
#include <set>

#include "bulkhead/parse.h"

namespace bulkhead::bench {

namespace {

constexpr uint32_t kMostPods = 110; // what the kubelet allows on a node
constexpr uint32_t kFirstIfindex = 1000;
constexpr uint32_t kBlockBits4 = 24, kBlockBits6 = 96;

uint32_t identity_of(uint32_t tenant, bool is_protected) {
    return BH_IDENTITY_FIRST_FREE + tenant * 2 + (is_protected ? 1 : 0);
}

uint32_t resource_identity_of(uint32_t tenants, uint32_t tenant) {
    return BH_IDENTITY_FIRST_FREE + tenants * 2 + tenant;
}

bh_identity identity(uint32_t tenant, uint32_t flags) {
    return {.tenant = tenant + 1, .flags = flags, .key_hash = tenant * 4 + 1};
}

bh_openings one_opening(uint16_t port, bh_reason line) {
    bh_openings openings{};
    openings.count = 1;
    openings.row[0].first_port = port;
    openings.row[0].last_port = port;
    openings.row[0].protocol = BH_TCP;
    openings.row[0].line = static_cast<uint8_t>(line);
    openings.row[0].origin = 1;
    return openings;
}

/// The first error of a map write, as a Result.
Result<> written(const char* map, int error) {
    if (error != 0) return fail(std::string("fill map ") + map, error);
    return {};
}

void set_bit(__u64* bitmap, uint32_t bit) {
    bitmap[bit / 64] |= __u64{1} << (bit % 64);
}

} // namespace

std::string Scale::text() const {
    return std::to_string(endpoints) + " endpoints, " + std::to_string(tenants) + " tenants";
}

Result<Scene> Scene::build(const datapath::Kernel& kernel, Scale scale) {
    Scene scene(kernel, scale);
    scene.invent();
    for (const auto& step : {scene.write_endpoints(), scene.write_prefixes(), scene.write_openings(),
                             scene.write_interfaces(), scene.write_control()})
        if (!step) return tl::unexpected(step.error());
    return scene;
}

Endpoint Scene::new_endpoint() {
    Endpoint endpoint;
    uint32_t low = 0;
    do {
        low = static_cast<uint32_t>(random_());
    } while (!taken_.insert(low & 0xffffff).second);
    endpoint.address4.word[0] = htonl(0x0a000000 | (low & 0xffffff)); // 10.0.0.0/8
    endpoint.address6 = {{htonl(0xfd000000 | (low & 0xffffff)), static_cast<uint32_t>(random_()),
                          static_cast<uint32_t>(random_()), static_cast<uint32_t>(random_())}}; // fd00::/8
    endpoint.ifindex = kUplinkIfindex;
    return endpoint;
}

void Scene::invent() {
    const uint32_t pods = std::min(kMostPods, scale_.endpoints / 2 + 1);
    by_tenant_.resize(scale_.tenants);
    for (uint32_t i = 0; i < scale_.endpoints; ++i) {
        Endpoint endpoint = new_endpoint();
        endpoint.tenant = i % scale_.tenants;
        endpoint.is_protected = (i / 2) % 2 == 1;
        endpoint.identity = identity_of(endpoint.tenant, endpoint.is_protected);
        if (i < pods) {
            endpoint.slot = static_cast<uint16_t>(i + 1);
            endpoint.ifindex = kFirstIfindex + i;
            slots_.push_back(endpoint.slot);
        }
        by_tenant_[endpoint.tenant].push_back(i);
        endpoints_.push_back(endpoint);
    }
    for (uint32_t i = 0; i < pods; ++i)
        (endpoints_[i].is_protected ? protected_pods_ : open_pods_).push_back(&endpoints_[i]);
    invent_resources();
}

void Scene::invent_resources() {
    for (uint32_t tenant = 0; tenant < scale_.tenants; ++tenant) {
        Endpoint resource = new_endpoint();
        resource.tenant = tenant;
        resource.identity = resource_identity_of(scale_.tenants, tenant);
        resource.is_protected = true;
        resources_.push_back(resource);
        Endpoint block = resource;
        block.address4.word[0] = htonl(0xac100000 | tenant << 8 | 1); // within 172.16.0.0/12
        block.address6 = {{htonl(0xfc000000), htonl(tenant), 0, htonl(1)}};
        blocks_.push_back(block);
    }
}

Result<> Scene::write_endpoints() const {
    std::vector<uint32_t> keys4;
    std::vector<bh_addr> keys6;
    std::vector<bh_endpoint> values;
    for (const auto* list : {&endpoints_, &resources_}) {
        for (const Endpoint& endpoint : *list) {
            keys4.push_back(endpoint.address4.word[0]);
            keys6.push_back(endpoint.address6);
            values.push_back({.identity = endpoint.identity, .slot = endpoint.slot, .flags = 0});
        }
    }
    if (auto done = written("endpoints4", maps().endpoints4.put_all(keys4, values).error); !done) return done;
    return written("endpoints6", maps().endpoints6.put_all(keys6, values).error);
}

Result<> Scene::write_prefixes() const {
    for (const Endpoint& block : blocks_) {
        bh_prefix4 key4{.length = kBlockBits4, .address = block.address4.word[0] & htonl(0xffffff00)};
        bh_prefix6 key6{.length = kBlockBits6, .address = block.address6};
        key6.address.word[3] = 0;
        if (auto done = written("prefixes4", maps().prefixes4.put(key4, block.identity)); !done) return done;
        if (auto done = written("prefixes6", maps().prefixes6.put(key6, block.identity)); !done) return done;
    }
    return {};
}

Result<> Scene::write_openings() const {
    for (uint32_t tenant = 0; tenant < scale_.tenants; ++tenant) {
        const uint32_t dst = identity_of(tenant, true);
        const uint32_t friendly = (tenant + 1) % scale_.tenants;
        const auto exposed = one_opening(kExposedPort, BH_REASON_EXPOSED);
        const auto granted = one_opening(kGrantedPort, BH_REASON_GRANTED);
        const bh_opening_key keys[] = {{.dst = dst, .src = BH_IDENTITY_ANY, .part = 0},
                                       {.dst = dst, .src = identity_of(friendly, false), .part = 0},
                                       {.dst = dst, .src = identity_of(friendly, true), .part = 0}};
        const bh_openings values[] = {exposed, granted, granted};
        if (auto done = written("openings", maps().openings.put_all(keys, values).error); !done) return done;
    }
    return {};
}

Result<> Scene::write_interfaces() const {
    for (const uint16_t slot : slots_)
        if (auto done = written("interfaces", maps().interfaces.put(endpoints_[slot - 1u].ifindex, {.slot = slot}));
            !done)
            return done;
    return {};
}

Result<> Scene::write_control() const {
    auto control = maps().control.find(0);
    if (!control) return fail("read map control", ENOENT);
    control->armed = 1;
    for (const uint16_t slot : slots_)
        set_bit(control->guarded, endpoints_[slot - 1u].ifindex & 0xffff);
    for (const Endpoint& block : blocks_) {
        set_bit(control->prefix4, BH_NET16(block.address4.word[0] & 0xffff));
        set_bit(control->prefix6, bh_fold6(&block.address6));
    }
    return written("control", maps().control.put(0, *control));
}

Result<> Scene::set_asked(Ask ask) const {
    const uint32_t asked = ask == Ask::kExposesAndGrants ? BH_ASK_TO | BH_ASK_TO_FROM : 0u;
    for (uint32_t tenant = 0; tenant < scale_.tenants; ++tenant) {
        const std::pair<uint32_t, uint32_t> rows[] = {
            {identity_of(tenant, false), BH_POD},
            {identity_of(tenant, true), BH_POD | BH_PROTECTED | asked},
            {resource_identity_of(scale_.tenants, tenant), BH_RESOURCE | BH_PROTECTED | asked}};
        for (const auto& [id, flags] : rows)
            if (auto done = written("identities", maps().identities.put(id, identity(tenant, flags))); !done)
                return done;
    }
    return {};
}

Result<> Scene::set_events_per_second(uint32_t events) const {
    auto control = maps().control.find(0);
    if (!control) return fail("read map control", ENOENT);
    control->events_per_second = events;
    return written("control", maps().control.put(0, *control));
}

Result<> Scene::set_pods(uint32_t generation, uint32_t flow_sets, int32_t nsid) const {
    for (const uint16_t slot : slots_) {
        const Endpoint& endpoint = endpoints_[slot - 1u];
        bh_pod pod{};
        pod.generation = generation;
        pod.identity = endpoint.identity;
        pod.nsid = nsid;
        pod.flow_sets = flow_sets;
        pod.ifindex[0] = endpoint.ifindex;
        pod.addr4[0] = endpoint.address4.word[0];
        pod.addr6[0] = endpoint.address6;
        if (auto done = written("pods", maps().pods.put(slot, pod)); !done) return done;
    }
    return {};
}

const Endpoint* Scene::pod_for(Relation relation, std::mt19937_64& random) const {
    const auto& pods = relation == Relation::kAnyToOpen ? open_pods_ : protected_pods_;
    return pods[random() % pods.size()];
}

/// nullptr: nobody is that to this pod.
const Endpoint* Scene::peer_for(Relation relation, const Endpoint& pod, std::mt19937_64& random) const {
    const auto any_of = [&](uint32_t tenant) {
        return &endpoints_[by_tenant_[tenant][random() % by_tenant_[tenant].size()]];
    };
    const Endpoint* peer = nullptr;
    switch (relation) {
    case Relation::kAnyToOpen:
        peer = &endpoints_[random() % endpoints_.size()];
        break;
    case Relation::kSameTenant:
        peer = any_of(pod.tenant);
        break;
    case Relation::kStranger:
        peer = &endpoints_[random() % endpoints_.size()];
        if (peer->tenant == pod.tenant || peer->is_protected) peer = nullptr;
        break;
    case Relation::kGranted:
        peer = any_of((pod.tenant + 1) % scale_.tenants);
        break;
    case Relation::kOwnResource:
        return &resources_[pod.tenant];
    case Relation::kOwnCidr:
        return &blocks_[pod.tenant];
    }
    return peer == &pod ? nullptr : peer;
}

std::vector<Conversation> Scene::conversations(Relation relation, Server server, uint16_t server_port,
                                               size_t most) const {
    std::mt19937_64 random(7);
    const size_t wanted = std::min<size_t>(most, std::max<uint32_t>(scale_.endpoints, 1024));
    std::vector<Conversation> list;
    std::set<std::pair<const Endpoint*, uint16_t>> taken; // one conversation for each of a pod's or its clients' ports
    for (size_t attempts = 0; list.size() < wanted && attempts < wanted * 100; ++attempts) {
        const Endpoint* pod = pod_for(relation, random);
        const Endpoint* peer = peer_for(relation, *pod, random);
        if (peer == nullptr) continue;
        const auto client_port = static_cast<uint16_t>(1024 + random() % 64000);
        if (!taken.emplace(pod, client_port).second) continue;
        list.push_back({.pod = pod,
                        .peer = peer,
                        .pod_port = server == Server::kPod ? server_port : client_port,
                        .peer_port = server == Server::kPod ? client_port : server_port});
    }
    return list;
}

} // namespace bulkhead::bench
