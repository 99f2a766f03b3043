// SPDX-License-Identifier: Apache-2.0
//
// All maps that the writer writes, as tables, and what a former agent left in them.
#pragma once

#include <map>

#include "base/address.h"
#include "datapath/maps.h"
#include "datapath/table.h"

namespace bulkhead::datapath {

/// What a key stands for.
inline Address address_of(uint32_t key) {
    return Address::from(bh_addr{.word = {key, 0, 0, 0}}, BH_IPV4);
}
inline Address address_of(const bh_addr& key) {
    return Address::from(key, BH_IPV6);
}
inline Cidr cidr_of(const auto& prefix) {
    return {.address = address_of(prefix.address), .length = static_cast<uint8_t>(prefix.length)};
}

struct Tables {
    /// Reads back what is there. `maps` must outlive the tables.
    static Result<Tables> restore(const Maps& maps);

    void settle();

    Table<uint32_t, bh_endpoint> endpoints4;
    Table<bh_addr, bh_endpoint> endpoints6;
    Table<bh_prefix4, uint32_t> prefixes4;
    Table<bh_prefix6, uint32_t> prefixes6;
    Table<uint32_t, bh_identity> identities;
    Table<uint32_t, bh_tenant_name> tenants;
    Table<uint32_t, bh_interface> interfaces;
    Table<uint32_t, bh_pod> pods;
    Table<bh_opening_key, bh_openings> openings;
    Table<uint32_t, bh_override> overrides;
    bh_control control{};

private:
    explicit Tables(const Maps& maps);
};

} // namespace bulkhead::datapath
