// SPDX-License-Identifier: Apache-2.0
//
// Ports as people write them, turned into numeric ranges: lists in objects, the expose annotation of a
// pod, and the complement of a resource's protected ports. Names stand for the container ports of the
// destination pod, each with its own protocol. An empty list of ranges opens nothing; "everything" is a
// range of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "state/objects.h"

namespace bulkhead::compile {

struct PortRange {
    uint8_t protocol = BH_ANY_PROTOCOL; // enum bh_protocol
    uint16_t first = 0;                 // host order, inclusive
    uint16_t last = 65535;
    auto operator<=>(const PortRange&) const = default;
};

/// Sorted, disjoint, not adjacent.
using PortRanges = std::vector<PortRange>;

using ContainerPorts = std::vector<state::ContainerPort>;

PortRanges merged(PortRanges ranges);

bool has_names(const state::Ports& ports);

/// What `ports` means on a destination with these container ports. A name that it lacks opens nothing.
PortRanges resolved(const state::Ports& ports, const ContainerPorts& container_ports);

/// Every TCP, UDP and SCTP port that `ports` doesn't list; nothing if it lists none (= all) or names.
PortRanges complement(const state::Ports& ports);

struct ExposeAnnotation {
    PortRanges ranges;            // of the good words
    std::vector<std::string> bad; // words that are neither a port, a range nor a container port's name
};

/// "8443/TCP, http, 9000-9010/UDP".
ExposeAnnotation parse_expose(std::string_view text, const ContainerPorts& container_ports);

/// "TCP 8443, UDP 9000-9010".
std::string text_of(const PortRanges& ranges);

} // namespace bulkhead::compile
