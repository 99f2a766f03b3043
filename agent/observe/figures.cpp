// SPDX-License-Identifier: Apache-2.0
#include "observe/figures.h"

#include <algorithm>

namespace bulkhead::observe {

namespace {

uint64_t blocks(size_t rows) {
    return (rows + BH_OPENINGS_PER_BLOCK - 1) / BH_OPENINGS_PER_BLOCK;
}

} // namespace

std::vector<MapFill> fill_of(const compile::Desired& desired, const std::map<std::string, uint64_t>& limits) {
    std::map<std::string, uint64_t> entries;
    for (const auto& [address, row] : desired.endpoints)
        ++entries[address.family == BH_IPV4 ? "endpoints4" : "endpoints6"];
    for (const auto& [cidr, identity] : desired.prefixes)
        ++entries[cidr.address.family == BH_IPV4 ? "prefixes4" : "prefixes6"];
    for (const auto& [key, rows] : desired.openings)
        entries["openings"] += blocks(rows.size());
    entries["identities"] = desired.identities.size();
    entries["tenants"] = desired.tenants.size();
    entries["pods"] = desired.pods.size();
    entries["interfaces"] = desired.interfaces.size();

    std::vector<MapFill> fills;
    for (const auto& [name, limit] : limits)
        fills.push_back({.name = name, .entries = entries[name], .limit = limit});
    return fills;
}

} // namespace bulkhead::observe
