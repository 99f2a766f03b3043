// SPDX-License-Identifier: Apache-2.0
//
// Whatever changed in whatever order, the compiler that followed every change and one that sees the
// cluster for the first time agree on everything but the numbers.
#include <cstdlib>
#include <cstring>
#include <random>

#include "compile_world.h"

using namespace bulkhead;
using namespace bulkhead::test;
using namespace bulkhead::compile;

namespace {

/// Desired with key_hash and names instead of ids.
struct Numberless {
    bool armed = false;
    std::set<std::string> tenants;
    std::map<uint64_t, std::tuple<std::string, uint32_t, std::string, std::string>> identities;
    std::map<Address, std::tuple<uint64_t, uint16_t, uint16_t, std::string>> endpoints;
    std::map<Cidr, uint64_t> prefixes;
    std::map<std::pair<uint64_t, uint64_t>, std::vector<OpeningRow>> openings;
    std::map<uint16_t, std::string> pods;
    std::map<uint32_t, uint32_t> interfaces;
    std::map<uint32_t, std::string> origins;
    SourcesByOwner sources;
    std::vector<state::Problem> problems;
    bool operator==(const Numberless&) const = default;
};

Numberless without_numbers(const Desired& desired) {
    Numberless out;
    const auto hash = [&](IdentityId id) { return id == BH_IDENTITY_ANY ? 0 : desired.identities.at(id).key_hash; };
    out.armed = desired.armed;
    for (const auto& [id, name] : desired.tenants)
        out.tenants.insert(name);
    for (const auto& [id, identity] : desired.identities) {
        const auto& name = desired.names.at(id);
        const auto tenant = identity.tenant == 0 ? "" : desired.tenants.at(identity.tenant);
        out.identities[identity.key_hash] = {tenant, identity.flags, name.tenant, name.what};
    }
    for (const auto& [address, row] : desired.endpoints)
        out.endpoints[address] = {hash(row.row.identity), row.row.slot, row.row.flags, row.owner};
    for (const auto& [cidr, id] : desired.prefixes)
        out.prefixes[cidr] = hash(id);
    for (const auto& [key, rows] : desired.openings)
        out.openings[{hash(key.dst), hash(key.src)}] = rows;
    for (const auto& [slot, row] : desired.pods) {
        auto copy = row;
        copy.identity = 0;
        std::string bytes(sizeof copy, '\0');
        std::memcpy(bytes.data(), &copy, sizeof copy);
        out.pods[slot] = bytes + std::to_string(hash(row.identity));
    }
    for (const auto& [ifindex, row] : desired.interfaces)
        out.interfaces[ifindex] = row.slot;
    out.origins = desired.origins;
    out.sources = desired.sources;
    out.problems = desired.problems;
    return out;
}

/// Few names, addresses and labels, so that everything collides with everything.
class Changer {
public:
    explicit Changer(uint64_t seed) : random_(seed) {}

    void change(state::Cluster& cluster) {
        const auto dice = below(100);
        if (dice < 35)
            change_pod(cluster);
        else if (dice < 45)
            change_slice(cluster);
        else if (dice < 55)
            change_service(cluster);
        else if (dice < 75)
            change_local(cluster);
        else
            change_policy(cluster);
    }

private:
    size_t below(size_t limit) { return random_() % limit; }
    bool chance(size_t percent) { return below(100) < percent; }
    std::string any_ns() { return std::string("ns-") + static_cast<char>('a' + below(4)); }
    std::string any_tenant() { return std::string("t") + static_cast<char>('0' + below(3)); }
    Address any_address() { return address("10.0.0." + std::to_string(below(12))); }
    std::string any_pod() { return any_ns() + "/p" + std::to_string(below(4)); }
    state::Selector any_app() { return label_is("app", chance(50) ? "x" : "y"); }
    state::Ports any_ports() {
        if (chance(30)) return {};
        if (chance(40)) return {port_named("http"), port(90)};
        return {port(static_cast<uint16_t>(80 + below(3)))};
    }

    state::Peer any_peer() {
        switch (below(6)) {
        case 0:
            return from_tenant(any_tenant(), any_app());
        case 1:
            return from_tenant("ns/" + any_ns());
        case 2:
            return from_namespace(any_ns());
        case 3:
            return state::CidrPeer{cidr(chance(50) ? "10.0.0.0/28" : "10.0.0.4/30")};
        case 4:
            return state::ResourcePeer{chance(50) ? "r0" : "cluster-dns"};
        default:
            return state::WorldPeer{};
        }
    }

    void change_pod(state::Cluster& cluster) {
        const auto path = any_pod();
        if (chance(25)) return cluster.remove({.kind = "Pod", .ns = path.substr(0, 4), .name = path.substr(5)});
        state::PodTemplate common;
        common.labels = {{"app", chance(50) ? "x" : "y"}};
        if (chance(30)) common.expose = chance(50) ? "http, 443" : "bad!, 80";
        if (chance(60)) common.ports = {{"http", BH_TCP, static_cast<uint16_t>(8000 + below(2))}};
        common.host_network = chance(10);
        auto object = test::pod(path, chance(50) ? "node-a" : "node-b", std::move(common), {any_address()});
        if (chance(30)) object.ips.push_back(any_address());
        object.finished = chance(10);
        cluster.put(std::move(object));
    }

    void change_slice(state::Cluster& cluster) {
        auto object = named<state::IdentitySlice>("node-c-" + std::to_string(below(2)));
        if (chance(20)) return cluster.remove({.kind = "IdentitySlice", .ns = "", .name = object.meta.name});
        for (size_t i = below(3); i > 0; --i) {
            auto told = test::pod(any_pod(), chance(80) ? "node-c" : "node-b", {}, {any_address(), any_address()});
            told.slice = object.meta.name;
            told.created = state::Time(std::chrono::seconds(below(3)));
            object.pods.push_back(std::move(told));
        }
        cluster.put(std::move(object));
    }

    void change_service(state::Cluster& cluster) {
        const auto name = std::string("s") + static_cast<char>('0' + below(3));
        if (chance(25)) return cluster.remove({.kind = "Service", .ns = "ns-a", .name = name});
        auto object = named<state::Service>(name, "ns-a");
        object.cluster_ips = {any_address()};
        if (chance(20)) object.external_ips = {any_address()};
        cluster.put(std::move(object));
    }

    void change_local(state::Cluster& cluster) {
        auto pods = cluster.local_pods();
        const auto slot = static_cast<uint16_t>(1 + below(5));
        if (chance(30))
            pods.erase(slot);
        else
            pods[slot] = local_pod(slot, chance(90) ? any_pod() : "", {any_address().text()});
        cluster.set_local_pods(pods);
        if (chance(20)) cluster.set_own_addresses({any_address()});
    }

    void change_policy(state::Cluster& cluster) {
        switch (below(6)) {
        case 0:
            if (chance(15)) return cluster.remove({.kind = "Namespace", .ns = "", .name = any_ns()});
            return change_namespace(cluster);
        case 1:
            return change_tenant(cluster);
        case 2: {
            auto object = named<state::AccessGrant>("g" + std::to_string(below(2)), any_ns());
            object.grant = grant({any_peer(), any_peer()}, any_ports());
            return cluster.put(std::move(object));
        }
        case 3: {
            auto object = resource("r" + std::to_string(below(2)), {chance(50) ? "10.0.0.0/29" : any_address().text()},
                                   chance(50) ? any_tenant() : "");
            object.ports = {port(3306)};
            return cluster.put(std::move(object));
        }
        case 4: {
            auto object = named<state::Node>("node-b");
            object.addresses = {any_address()};
            return cluster.put(std::move(object));
        }
        default: {
            auto object = named<state::EndpointSlice>("s", "kube-system");
            object.service = "kube-dns";
            object.addresses = {any_address(), any_address()};
            object.pods[object.addresses.front()] = {any_pod()};
            return cluster.put(std::move(object));
        }
        }
    }

    void change_namespace(state::Cluster& cluster) {
        state::Labels labels;
        if (chance(50)) labels["bulkhead.dev/level"] = "protected";
        if (chance(20)) labels["bulkhead.dev/mode"] = "audit";
        if (chance(50)) labels["bulkhead.dev/tenant"] = any_tenant();
        cluster.put(test::ns(any_ns(), labels));
    }

    void change_tenant(state::Cluster& cluster) {
        const auto name = any_tenant();
        if (chance(25)) return cluster.remove({.kind = "Tenant", .ns = "", .name = name});
        auto object = tenant(name, {any_ns()});
        if (chance(50)) object.level = state::Level::kProtected;
        object.confined = chance(30);
        object.sealed = chance(20);
        object.pod_expose = chance(80);
        object.source_check = chance(80);
        object.expose = {opening(any_ports(), any_app())};
        object.trusted = {opening(any_ports(), any_app())};
        object.allow_from = {grant({any_peer()}, any_ports())};
        object.allow_to = {{{any_peer()}, any_ports()}};
        cluster.put(std::move(object));
    }

    std::mt19937_64 random_;
};

uint64_t seed_of_this_run() {
    const char* given = std::getenv("BULKHEAD_SEED");
    return given ? std::strtoull(given, nullptr, 0) : std::random_device{}();
}

/// Rows that differ are rows that the compiler said may differ.
void check_touched(const Desired& before, const Desired& after, const Touched& touched) {
    if (touched.everything) return;
    const auto same = [](const bh_endpoint& a, const bh_endpoint& b) { return std::memcmp(&a, &b, sizeof a) == 0; };
    for (const auto& [address, row] : after.endpoints) {
        const auto old = before.endpoints.find(address);
        if (old == before.endpoints.end() || !same(old->second.row, row.row))
            CHECK(touched.endpoints.contains(address));
    }
    for (const auto& [address, row] : before.endpoints)
        if (!after.endpoints.contains(address)) CHECK(touched.endpoints.contains(address));
    for (const auto& [key, rows] : after.openings)
        if (const auto old = before.openings.find(key); old == before.openings.end() || old->second != rows)
            CHECK((touched.identities.contains(key.dst) || touched.identities.contains(key.src)));
    for (const auto& [key, rows] : before.openings)
        if (!after.openings.contains(key))
            CHECK((touched.identities.contains(key.dst) || touched.identities.contains(key.src)));
    for (const auto& [id, identity] : before.identities)
        if (const auto now = after.identities.find(id);
            now == after.identities.end() || now->second.key_hash != identity.key_hash)
            CHECK(touched.identities.contains(id));
    CHECK(before.prefixes == after.prefixes);
}

} // namespace

TEST_CASE("following changes and compiling afresh give the same maps, up to ids") {
    const auto seed = seed_of_this_run();
    for (uint64_t round = 0; round < 60; ++round) {
        INFO("replay with BULKHEAD_SEED=" << seed << ", round " << round);
        Changer changer(seed + round);
        World world;
        world.ns("ns-a").protect("ns-b").ns("ns-c");
        for (int step = 0; step < 60; ++step) {
            const auto before = world.desired();
            for (uint64_t i = 0; i <= (seed + static_cast<uint64_t>(step)) % 3; ++i)
                changer.change(world.cluster);
            const auto was_dirty = world.cluster.dirty();
            const auto& followed = world.desired();
            if (was_dirty) check_touched(before, followed, world.touched);
            Compiler fresh(settings_of("node-a"), {});
            fresh.update(world.cluster, {});
            INFO("step " << step);
            REQUIRE(without_numbers(followed) == without_numbers(fresh.desired()));
        }
    }
}

TEST_CASE("one changed pod touches its own rows and no others") {
    World world;
    world.protect("web");
    for (int i = 0; i < 250; ++i)
        world.pod("web/p" + std::to_string(i), {"10.0.1." + std::to_string(i)});
    world.desired();
    world.pod("web/p7", {"10.0.2.7"});
    world.desired();
    CHECK_FALSE(world.touched.everything);
    CHECK(world.touched.endpoints == std::unordered_set<Address>{address("10.0.1.7"), address("10.0.2.7")});
    CHECK(world.touched.identities.empty());
    CHECK_FALSE(world.touched.local);
}
