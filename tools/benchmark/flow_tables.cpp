// SPDX-License-Identifier: Apache-2.0
#include "flow_tables.h"

#include <bpf/bpf.h>

#include <numeric>

namespace bulkhead::bench {

namespace {

using Table = Map<uint32_t, bh_flow_set>;

Result<Table> create_table() {
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = BPF_F_INNER_MAP;
    Fd fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "flows", sizeof(uint32_t), sizeof(bh_flow_set), kFlowSets, &options));
    if (!fd.valid()) return fail("create a flow table", errno);
    return Table(std::move(fd), "flows", kFlowSets);
}

/// In one batch: after each change of such a map the kernel waits until no program uses the old one.
Result<> put_tables(const datapath::Maps& maps, const std::vector<uint16_t>& slots, const std::vector<Table>& tables) {
    const std::vector<uint32_t> keys(slots.begin(), slots.end());
    std::vector<uint32_t> values;
    for (const Table& table : tables)
        values.push_back(static_cast<uint32_t>(table.fd()));
    if (int error = maps.flows.put_all(keys, values).error) return fail("fill map flows", error);
    return {};
}

Result<std::vector<Table>> create_tables(size_t count) {
    std::vector<Table> tables;
    for (size_t i = 0; i < count; ++i) {
        auto table = create_table();
        if (!table) return tl::unexpected(table.error());
        tables.push_back(std::move(*table));
    }
    return tables;
}

bh_flow living_flow(uint64_t jiffies) {
    bh_flow flow{};
    flow.protocol = BH_TCP;
    flow.check = 1;
    flow.stamp = static_cast<uint32_t>(jiffies >> BH_FLOW_TICK_SHIFT) << 8 | BH_FLOW_ANSWERED;
    return flow;
}

} // namespace

Result<> renew_flow_tables(const datapath::Maps& maps, const std::vector<uint16_t>& slots) {
    const auto tables = create_tables(slots.size());
    if (!tables) return tl::unexpected(tables.error());
    return put_tables(maps, slots, *tables);
}

Result<> renew_full_flow_tables(const datapath::Maps& maps, const std::vector<uint16_t>& slots, uint64_t jiffies) {
    const auto tables = create_tables(slots.size());
    if (!tables) return tl::unexpected(tables.error());
    bh_flow_set full{};
    for (bh_flow& way : full.way)
        way = living_flow(jiffies);
    const std::vector<bh_flow_set> sets(kFlowSets, full);
    std::vector<uint32_t> indexes(kFlowSets);
    std::iota(indexes.begin(), indexes.end(), 0);
    for (const Table& table : *tables)
        if (int error = table.put_all(indexes, sets).error) return fail("fill a flow table", error);
    return put_tables(maps, slots, *tables);
}

} // namespace bulkhead::bench
