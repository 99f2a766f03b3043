// SPDX-License-Identifier: Apache-2.0
//
// A cluster to say things about and a compiler that follows it, in few words, for tests of compile/.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "../support/objects.h"
#include "compile/compiler.h"
#include "compile/gather.h"

namespace bulkhead::test {

inline compile::Settings settings_of(std::string node) {
    compile::Settings settings;
    settings.node_name = std::move(node);
    return settings;
}

inline state::Tenant tenant(std::string name, std::vector<std::string> namespaces,
                            std::optional<state::Level> level = std::nullopt) {
    auto object = named<state::Tenant>(std::move(name));
    object.namespaces = std::move(namespaces);
    object.level = level;
    return object;
}

inline state::Grant grant(std::vector<state::Peer> from, state::Ports ports = {}) {
    state::Grant out;
    out.from = std::move(from);
    out.ports = std::move(ports);
    return out;
}

inline state::Opening opening(state::Ports ports, std::optional<state::Selector> pods = std::nullopt) {
    state::Opening out;
    out.target.pods = std::move(pods);
    out.ports = std::move(ports);
    return out;
}

inline state::AwsResource resource(std::string name, std::vector<std::string> cidrs, std::string tenant = "") {
    auto object = named<state::AwsResource>(std::move(name));
    for (const auto& text : cidrs)
        object.cidrs.push_back(cidr(text));
    object.tenant = std::move(tenant);
    return object;
}

inline state::TenantPeer from_tenant(std::string name, std::optional<state::Selector> pods = std::nullopt) {
    return {.tenant = std::move(name), .pods = std::move(pods)};
}

inline state::NamespacePeer from_namespace(std::string name,
                                           std::optional<std::string> service_account = std::nullopt) {
    return {.ns = std::move(name), .pods = std::nullopt, .service_account = std::move(service_account)};
}

inline state::LocalPod local_pod(uint16_t slot, std::string pod, std::vector<std::string> addresses) {
    state::LocalPod out;
    out.slot = slot;
    out.generation = slot + 100u;
    out.pod = std::move(pod);
    out.ifindexes = {slot + 10u};
    for (const auto& text : addresses)
        out.addresses.push_back(address(text));
    out.places.update(out.addresses);
    return out;
}

class World {
public:
    explicit World(compile::Settings settings = settings_of("node-a"), compile::KnownIds known = {})
        : compiler_(std::move(settings), std::move(known)) {}

    World& put(state::Object object) {
        cluster.put(std::move(object));
        return *this;
    }
    World& ns(std::string name, state::Labels labels = {}) { return put(test::ns(std::move(name), std::move(labels))); }
    World& protect(std::string name) { return ns(std::move(name), {{"bulkhead.dev/level", "protected"}}); }
    World& pod(std::string path, std::vector<std::string> ips, state::PodTemplate common = {},
               std::string node = "node-b") {
        std::vector<Address> addresses;
        for (const auto& text : ips)
            addresses.push_back(address(text));
        return put(test::pod(path, std::move(node), std::move(common), std::move(addresses)));
    }
    World& local(std::vector<state::LocalPod> pods) {
        std::map<uint16_t, state::LocalPod> by_slot;
        for (auto& one : pods)
            by_slot.emplace(one.slot, one);
        cluster.set_local_pods(std::move(by_slot));
        return *this;
    }

    const compile::Desired& desired() {
        if (cluster.dirty()) touched = compiler_.update(cluster, cluster.take_changes());
        if (compiler_.is_halfway()) touched = compiler_.update(cluster, {});
        return compiler_.desired();
    }

    compile::Compiler& compiler() { return compiler_; }

    bh_reason ask(const std::string& src, const std::string& dst, uint16_t port = 80, uint8_t protocol = BH_TCP) {
        compile::Packet packet;
        packet.src = address(src);
        packet.dst = address(dst);
        packet.port = port;
        packet.protocol = protocol;
        packet.now = now;
        return compile::judge(desired(), packet);
    }

    bh_identity identity(const std::string& text) {
        const auto& now_desired = desired();
        return now_desired.identities.at(compile::identity_of(now_desired, address(text)));
    }
    compile::IdentityId id(const std::string& text) { return compile::identity_of(desired(), address(text)); }

    /// `place` is "Tenant payments", or with a field: "Tenant payments spec.level".
    bool has_problem(const std::string& place, const std::string& text) {
        for (const auto& problem : desired().problems)
            if ((problem.object == place || problem.object + " " + problem.field == place) &&
                problem.text.find(text) != std::string::npos)
                return true;
        return false;
    }

    state::Cluster cluster;
    compile::Touched touched;
    state::Time now{};

private:
    compile::Compiler compiler_;
};

} // namespace bulkhead::test
