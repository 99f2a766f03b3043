// SPDX-License-Identifier: Apache-2.0
#include "datapath_bench.h"

#include <algorithm>

namespace bulkhead::test {

using compile::Desired;
using compile::OpeningRow;
using compile::Touched;
using datapath::Maps;

Address address(const std::string& text) {
    return need(Address::parse(text));
}
Cidr cidr(const std::string& text) {
    return need(Cidr::parse(text));
}

Touched everything() {
    Touched touched;
    touched.everything = true;
    return touched;
}

bh_pod pod(uint32_t generation, uint32_t identity, uint32_t ifindex) {
    bh_pod row{};
    row.generation = generation;
    row.identity = identity;
    row.nsid = -1;
    row.ifindex[0] = ifindex;
    return row;
}

compile::EndpointRow endpoint_of(uint32_t identity) {
    return {.row = {.identity = identity, .slot = 0, .flags = 0}, .owner = {}};
}

Desired small_cluster() {
    Desired desired;
    desired.armed = true;
    desired.tenants = {{1, "payments"}, {2, "ns/blog"}};
    desired.identities = {{kPayments, {.tenant = 1, .flags = BH_PROTECTED | BH_POD | BH_ASK_TO_FROM, .key_hash = 100}},
                          {kBlog, {.tenant = 2, .flags = BH_POD, .key_hash = 200}}};
    desired.endpoints[address("10.0.0.1")] = {.row = {.identity = kPayments, .slot = 1, .flags = 0}, .owner = {}};
    desired.endpoints[address("fd00::1")] = {.row = {.identity = kPayments, .slot = 1, .flags = 0}, .owner = {}};
    desired.endpoints[address("10.0.0.2")] = {.row = {.identity = kBlog, .slot = 2, .flags = 0}, .owner = {}};
    desired.prefixes[cidr("192.168.0.0/16")] = kPayments;
    desired.openings[{.dst = kPayments, .src = kBlog}] = {OpeningRow{.first_port = 5432,
                                                                     .last_port = 5432,
                                                                     .protocol = BH_TCP,
                                                                     .line = BH_REASON_GRANTED,
                                                                     .origin = 9,
                                                                     .until = {}}};
    desired.pods = {{1, pod(7, kPayments, 31)}, {2, pod(8, kBlog, 32)}};
    desired.interfaces = {{31, {.slot = 1}}, {32, {.slot = 2}}};
    return desired;
}

OpeningRow granted(uint16_t port) {
    return {
        .first_port = port, .last_port = port, .protocol = BH_TCP, .line = BH_REASON_GRANTED, .origin = 1, .until = {}};
}

std::vector<uint16_t> ports_in_kernel(const Maps& maps, uint32_t dst, uint32_t src) {
    std::vector<uint16_t> ports;
    for (uint32_t part = 0; part < BH_OPENING_PARTS; part++) {
        const auto block = maps.openings.find({.dst = dst, .src = src, .part = part});
        if (!block) break;
        for (uint16_t i = 0; i < block->count; i++)
            ports.push_back(block->row[i].first_port);
        if (block->more == 0) break;
    }
    std::ranges::sort(ports);
    return ports;
}

} // namespace bulkhead::test
