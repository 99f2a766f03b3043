// SPDX-License-Identifier: Apache-2.0
#include "datapath/tables.h"

namespace bulkhead::datapath {

namespace {

std::string number(const uint32_t& value) {
    return std::to_string(value);
}

std::string address4(const uint32_t& value) {
    return address_of(value).text();
}

std::string address6(const bh_addr& value) {
    return address_of(value).text();
}

template <typename Prefix>
std::string cidr(const Prefix& value) {
    return cidr_of(value).text();
}

std::string opening(const bh_opening_key& value) {
    return "(identity " + std::to_string(value.dst) + " from " + std::to_string(value.src) + ", part " +
           std::to_string(value.part) + ")";
}

} // namespace

Tables::Tables(const Maps& maps)
    : endpoints4(maps.endpoints4, TableKind::kHash, address4, maps.endpoints4.capacity()),
      endpoints6(maps.endpoints6, TableKind::kHash, address6, maps.endpoints6.capacity()),
      // One row stays free: a trie that is quite full refuses even updates on 5.10.
      prefixes4(maps.prefixes4, TableKind::kHash, cidr<bh_prefix4>, maps.prefixes4.capacity() - 1),
      prefixes6(maps.prefixes6, TableKind::kHash, cidr<bh_prefix6>, maps.prefixes6.capacity() - 1),
      identities(maps.identities, TableKind::kArray, number, maps.identities.capacity()),
      tenants(maps.tenants, TableKind::kHash, number, maps.tenants.capacity()),
      interfaces(maps.interfaces, TableKind::kHash, number, maps.interfaces.capacity()),
      pods(maps.pods, TableKind::kArray, number, maps.pods.capacity()),
      openings(maps.openings, TableKind::kHash, opening, maps.openings.capacity()),
      overrides(maps.overrides, TableKind::kHash, number, maps.overrides.capacity()) {}

Result<Tables> Tables::restore(const Maps& maps) {
    Tables tables(maps);
    const auto control = maps.control.find(0);
    if (!control) return fail("read map control", ENOENT);
    tables.control = *control;
    const Result<> read[] = {tables.endpoints4.restore(), tables.endpoints6.restore(), tables.prefixes4.restore(),
                             tables.prefixes6.restore(),  tables.identities.restore(), tables.tenants.restore(),
                             tables.interfaces.restore(), tables.pods.restore(),       tables.openings.restore(),
                             tables.overrides.restore()};
    for (const auto& each : read)
        if (!each) return tl::unexpected(each.error());
    return tables;
}

void Tables::settle() {
    endpoints4.settle();
    endpoints6.settle();
    prefixes4.settle();
    prefixes6.settle();
    identities.settle();
    tenants.settle();
    interfaces.settle();
    pods.settle();
    openings.settle();
    overrides.settle();
}

} // namespace bulkhead::datapath
