// SPDX-License-Identifier: Apache-2.0
#include "matrix/summary.h"

#include <algorithm>

namespace bulkhead::matrix {

namespace {

Symbol combine(Symbol before, const Cell& cell) {
    if (cell.differs() || before == Symbol::kWrong) return Symbol::kWrong;
    const Symbol now = cell.is_open() ? Symbol::kAll : Symbol::kNone;
    return before == Symbol::kAbsent || before == now ? now : Symbol::kSome;
}

} // namespace

bool Summary::families_alike() const {
    return std::ranges::all_of(grids, [&](const auto& grid) { return grid.second == grids.begin()->second; });
}

Summary summarize(const Scene& scene, const std::vector<Cell>& cells) {
    Summary summary;
    const size_t size = scene.places.size();
    const auto index = [&](const Place* place) { return static_cast<size_t>(place - scene.places.data()); };
    for (const Cell& cell : cells) {
        auto& grid = summary.grids[cell.route.family];
        grid.resize(size, std::vector<Symbol>(size, Symbol::kAbsent));
        Symbol& symbol = grid[index(cell.route.src)][index(cell.route.dst)];
        symbol = combine(symbol, cell);
        ++summary.lines[std::string(cell.expected.line)];
        ++(cell.is_open() ? summary.open : summary.closed);
        if (cell.differs()) summary.differences.push_back(&cell);
    }
    return summary;
}

} // namespace bulkhead::matrix
