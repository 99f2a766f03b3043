// SPDX-License-Identifier: Apache-2.0
//
// Short words for building decoded objects in tests. Each returns a plain value whose other fields the
// test sets by name. Addresses and CIDRs that don't parse end the test by their exception.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "state/objects.h"

namespace bulkhead::test {

inline Address address(std::string_view text) {
    return Address::parse(text).value();
}
inline Cidr cidr(std::string_view text) {
    return Cidr::parse(text).value();
}

inline state::Namespace ns(std::string name, state::Labels labels = {}) {
    labels["kubernetes.io/metadata.name"] = name;
    return {.meta = {.name = std::move(name), .ns = "", .origin = "test", .created = {}}, .labels = std::move(labels)};
}

/// `path` is "namespace/name".
inline state::Pod pod(std::string_view path, std::string node, state::PodTemplate common, std::vector<Address> ips) {
    const size_t slash = path.find('/');
    return {.name = std::string(path.substr(slash + 1)),
            .ns = std::string(path.substr(0, slash)),
            .origin = "test",
            .node = std::move(node),
            .common = std::make_shared<const state::PodTemplate>(std::move(common)),
            .ips = std::move(ips),
            .finished = false};
}

template <typename T>
T named(std::string name, std::string in_namespace = "") {
    T object;
    object.meta.name = std::move(name);
    object.meta.ns = std::move(in_namespace);
    object.meta.origin = "test";
    return object;
}

/// key = value
inline state::Selector label_is(std::string key, std::string value) {
    return {{{.key = std::move(key), .op = state::Selector::Term::Op::kIn, .values = {std::move(value)}}}};
}

inline state::PortSpec port(uint16_t first, uint16_t last, uint8_t protocol = BH_TCP) {
    return {.protocol = protocol, .first = first, .last = last, .name = ""};
}
inline state::PortSpec port(uint16_t number) {
    return port(number, number);
}
inline state::PortSpec port_named(std::string name) {
    return {.protocol = BH_ANY_PROTOCOL, .first = 0, .last = 0, .name = std::move(name)};
}
inline state::PortSpec ping() {
    return {.protocol = BH_ICMP, .first = 0, .last = 65535, .name = ""};
}

} // namespace bulkhead::test
