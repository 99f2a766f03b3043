// SPDX-License-Identifier: Apache-2.0
//
// A measured matrix in few words: one symbol for each pair of places, counts by line of the rule, and the
// differences. Pure functions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "matrix/matrix.h"

namespace bulkhead::matrix {

/// What one pair of places shows in one family.
enum class Symbol : char {
    kAll = '#',    // every port and ping answer
    kSome = '+',   // some do
    kNone = '.',   // silence
    kAbsent = ' ', // no such address
    kWrong = '!',  // something is not as expected
};

struct Summary {
    using Grid = std::vector<std::vector<Symbol>>; // [source][destination], in the order of the places
    std::map<uint8_t, Grid> grids;                 // by family
    std::map<std::string, size_t> lines;           // how many probes each line decided
    size_t open = 0;
    size_t closed = 0;
    std::vector<const Cell*> differences;

    bool families_alike() const;
};

/// Points into `cells`.
Summary summarize(const Scene& scene, const std::vector<Cell>& cells);

} // namespace bulkhead::matrix
