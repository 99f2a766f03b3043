// SPDX-License-Identifier: Apache-2.0
//
// All maps that the writer writes, as tables, and what a former agent left in them.
#pragma once

#include <map>

#include "datapath/maps.h"
#include "datapath/table.h"

namespace bulkhead::datapath {

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
    bh_control control{};

private:
    explicit Tables(const Maps& maps);
};

} // namespace bulkhead::datapath
