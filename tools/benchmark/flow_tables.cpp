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

bh_flow living_flow(uint64_t jiffies) {
    bh_flow flow{};
    flow.protocol = BH_TCP;
    flow.check = 1;
    flow.stamp = static_cast<uint32_t>(jiffies >> BH_FLOW_TICK_SHIFT) << 8 | BH_FLOW_ANSWERED;
    return flow;
}

} // namespace

Result<FlowTables> FlowTables::create(const datapath::Maps& maps, const std::vector<uint16_t>& slots) {
    FlowTables flows;
    for (size_t i = 0; i < slots.size(); ++i) {
        auto table = create_table();
        if (!table) return tl::unexpected(table.error());
        flows.tables_.push_back(std::move(*table));
    }
    if (auto put = put_tables(maps, slots, flows.tables_); !put) return tl::unexpected(put.error());
    return flows;
}

Result<> FlowTables::overwrite(const bh_flow_set& set) const {
    const std::vector<bh_flow_set> sets(kFlowSets, set);
    std::vector<uint32_t> indexes(kFlowSets);
    std::iota(indexes.begin(), indexes.end(), 0);
    for (const Table& table : tables_)
        if (int error = table.put_all(indexes, sets).error) return fail("write a flow table", error);
    return {};
}

Result<> FlowTables::make_empty() const {
    return overwrite({});
}

Result<> FlowTables::make_full(uint64_t jiffies) const {
    bh_flow_set full{};
    for (bh_flow& way : full.way)
        way = living_flow(jiffies);
    return overwrite(full);
}

} // namespace bulkhead::bench
