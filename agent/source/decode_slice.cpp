// SPDX-License-Identifier: Apache-2.0
//
// Agents write IdentitySlices, and agents read them, perhaps older ones: so fields that nobody knows are passed over.
#include <algorithm>

#include "source/parts.h"
#include "state/labels.h"

namespace bulkhead::source {

namespace {

std::set<std::string> read_keys(const Field& field) {
    const auto keys = read_strings(field);
    return {keys.begin(), keys.end()};
}

/// "Deployment/web"
state::Workload read_workload(const Field& field) {
    const auto text = field.string().value_or("");
    const auto slash = text.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return {};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

state::PodTemplate read_common(const Field& endpoint, const std::set<std::string>& known_labels) {
    state::PodTemplate common{.labels = read_labels(endpoint["labels"]),
                              .known_labels = known_labels,
                              .service_account = endpoint["serviceAccount"].string().value_or(kDefaultAccount),
                              .expose = endpoint["expose"].string().value_or(""),
                              .ports = {},
                              .workload = read_workload(endpoint["workload"])};
    const auto ports = endpoint["ports"];
    ports.each([&](const Field& entry) {
        if (auto port = read_container_port(entry, "port")) common.ports.push_back(std::move(*port));
    });
    return common;
}

std::vector<Address> read_each_address(const Field& field) {
    std::vector<Address> addresses;
    field.each([&](const Field& item) {
        if (const auto address = read_address(item)) addresses.push_back(*address);
    });
    return addresses;
}

uint32_t read_turn(const Field& field) {
    return static_cast<uint32_t>(std::clamp<int64_t>(field.integer().value_or(0), 0, state::kLastTurn));
}

state::Pod read_endpoint(const Field& endpoint, const std::set<std::string>& known_labels,
                         const DecodeContext& context) {
    state::Pod pod;
    pod.ns = read_name(endpoint["namespace"]).value_or("");
    pod.name = read_name(endpoint["pod"]).value_or("");
    pod.origin = state::Origin(context.file, endpoint.line());
    pod.common = context.pool.share(read_common(endpoint, known_labels));
    pod.ips = read_each_address(endpoint["addresses"]);
    pod.created = read_time(endpoint["created"]);
    pod.since = read_time(endpoint["since"]);
    pod.turn = read_turn(endpoint["turn"]);
    return pod;
}

state::ApiServerReach read_reach(const Field& entry, const DecodeContext& context) {
    const auto selector = entry["selector"];
    const auto ports = entry["ports"];
    state::ApiServerReach reach{.origin = state::Origin(context.file, entry.line()).text(),
                                .ns = read_name(entry["namespace"]).value_or(""),
                                .service = read_name(entry["service"]).value_or(""),
                                .pods = {},
                                .ports = read_ports(ports, PortNames::kAllowed)};
    for (const auto& [key, value] : read_labels(selector))
        reach.pods.terms.push_back({.key = key, .op = state::Selector::Term::Op::kIn, .values = {value}});
    // Nothing here means everything elsewhere: every pod, every port.
    if (reach.pods.terms.empty()) selector.complain("selects nothing");
    if (reach.ports.empty()) ports.complain("names nothing");
    return reach;
}

/// By that name alone, since nodes can't write a slice called so: see manifests/components/admission.
void read_reaches(const Field& spec, const DecodeContext& context, state::IdentitySlice& slice) {
    if (spec["node"].present()) spec["node"].complain("is not for this slice: it is of no node");
    if (spec["endpoints"].present()) spec["endpoints"].complain("are not for this slice: it is of no node");
    const auto entries = spec["kubeApiserver"];
    entries.each([&](const Field& entry) { slice.reach.push_back(read_reach(entry, context)); });
}

/// Of no node either, which makes admission keep nodes from writing it.
void read_found(const Field& spec, state::IdentitySlice& slice) {
    if (spec["node"].present()) spec["node"].complain("is not for this slice: it is of an AWSResource");
    if (spec["endpoints"].present()) spec["endpoints"].complain("are not for this slice: it is of an AWSResource");
    if (!slice.meta.name.starts_with(state::kResourceSlices))
        spec["awsResource"].complain("is not for a slice of this name");
    slice.resource = read_name(spec["awsResource"]).value_or("");
    slice.addresses = read_cidrs(spec["addresses"]);
    const state::OwnerTags owner{.tenant = spec["tenant"].string().value_or(""),
                                 .level = spec["level"].string().value_or("")};
    if (owner.empty()) return;
    for (const auto& address : slice.addresses)
        slice.owners[address].insert(owner);
}

} // namespace

state::IdentitySlice decode_identity_slice(const Field& document, const DecodeContext& context) {
    check_frame(document);
    check_cluster_scoped(document);
    state::IdentitySlice slice{.meta = read_meta(document, context)};
    const auto spec = document["spec"];
    if (slice.meta.name == state::kReachSlice) {
        read_reaches(spec, context, slice);
        return slice;
    }
    if (spec["awsResource"].present()) {
        read_found(spec, slice);
        return slice;
    }
    const auto node = context.pool.share(read_name(spec["node"]).value_or(""));
    const auto name = context.pool.share(slice.meta.name);
    const auto known_labels = read_keys(spec["labelKeys"]);
    const auto endpoints = spec["endpoints"];
    endpoints.each([&](const Field& endpoint) {
        auto pod = read_endpoint(endpoint, known_labels, context);
        pod.node = node;
        pod.slice = name;
        slice.pods.push_back(std::move(pod));
    });
    return slice;
}

} // namespace bulkhead::source
