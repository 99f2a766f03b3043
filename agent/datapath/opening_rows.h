// SPDX-License-Identifier: Apache-2.0
//
// Openings as the kernel has them: a list of rows in the order of their bytes, cut into blocks. Values
// only; the table that holds the blocks is the writer's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compile/desired.h"
#include "datapath/jiffies.h"
#include "datapath/table.h"

namespace bulkhead::datapath {

using OpeningRows = std::vector<bh_opening>;
using OpeningsTable = Table<bh_opening_key, bh_openings>;

inline constexpr size_t kMaxOpeningRows = BH_OPENINGS_PER_BLOCK * BH_OPENING_PARTS;

/// In the kernel's bytes. A row that `now_there` has already, but for a deadline that differs by less than
/// the two clocks wander apart, keeps its bytes.
OpeningRows encode(std::span<const compile::OpeningRow> rows, const OpeningRows& now_there, const Moment& now);

/// Those of `rows` that are in `others` too.
OpeningRows common(const OpeningRows& rows, const OpeningRows& others);

bool same(const OpeningRows& a, const OpeningRows& b);

/// All parts of one list.
OpeningRows read_rows(const OpeningsTable& table, compile::OpeningKey key);

/// Replaces the list, which must be a subset or a superset of the one that is there: then every row that
/// is in both is found at every moment. An empty one is removed. False = not (all) written.
bool write_rows(OpeningsTable& table, compile::OpeningKey key, const OpeningRows& rows, WriteReport& report);

} // namespace bulkhead::datapath
