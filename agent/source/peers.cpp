// SPDX-License-Identifier: Apache-2.0
//
// PEER: exactly one of five forms, each with the fields that belong to it.
#include <algorithm>
#include <array>

#include "source/parts.h"

namespace bulkhead::source {

namespace {

constexpr std::array<std::string_view, 5> kForms{"tenant", "namespace", "awsResource", "cidr", "world"};

std::vector<std::string_view> forms_of(const Field& peer) {
    std::vector<std::string_view> found;
    for (const auto form : kForms)
        if (peer[form].present()) found.push_back(form);
    return found;
}

state::Peer read_cidr_peer(const Field& field) {
    const auto text = field.string();
    if (!text) return state::CidrPeer{};
    const auto cidr = Cidr::parse(*text);
    if (!cidr) {
        field.complain(cidr.error().text);
        return state::CidrPeer{};
    }
    return state::CidrPeer{*cidr};
}

state::Peer read_tenant_peer(const Field& peer) {
    peer.only({"tenant", "podSelector"});
    return state::TenantPeer{.tenant = read_tenant(peer["tenant"]), .pods = read_selector(peer["podSelector"])};
}

state::Peer read_namespace_peer(const Field& peer) {
    peer.only({"namespace", "podSelector", "serviceAccount"});
    state::NamespacePeer read{.ns = read_name(peer["namespace"]).value_or(""),
                              .pods = read_selector(peer["podSelector"]),
                              .service_account = std::nullopt};
    const auto account = peer["serviceAccount"];
    if (account.present()) read.service_account = read_name(account);
    return read;
}

state::Peer read_world_peer(const Field& peer) {
    peer.only({"world"});
    const auto world = peer["world"];
    if (world.boolean() == false) world.complain("is true or isn't there");
    return state::WorldPeer{};
}

std::optional<state::Peer> read_peer(const Field& peer) {
    const auto forms = forms_of(peer);
    if (forms.size() != 1) {
        peer.complain("must be exactly one of tenant, namespace, awsResource, cidr, world");
        return std::nullopt;
    }
    if (forms.front() == "tenant") return read_tenant_peer(peer);
    if (forms.front() == "namespace") return read_namespace_peer(peer);
    if (forms.front() == "world") return read_world_peer(peer);
    peer.only({forms.front()});
    if (forms.front() == "cidr") return read_cidr_peer(peer["cidr"]);
    return state::ResourcePeer{read_name(peer["awsResource"]).value_or("")};
}

} // namespace

std::vector<state::Peer> read_peers(const Field& field) {
    std::vector<state::Peer> peers;
    bool any = false;
    field.each([&](const Field& peer) {
        any = true;
        if (!peer.is_object()) return;
        if (auto read = read_peer(peer)) peers.push_back(std::move(*read));
    });
    if (!field.present()) {
        field.complain("is missing: name at least one peer");
    } else if (!any && field.value().array() != nullptr) {
        field.complain("is empty: name at least one peer");
    }
    return peers;
}

} // namespace bulkhead::source
