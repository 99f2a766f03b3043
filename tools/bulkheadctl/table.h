// SPDX-License-Identifier: Apache-2.0
//
// Aligned columns for people. What doesn't fit is wrapped in the last column, between words where there
// are any; nothing is cut off. Cells are made printable() here, so that no printer has to think of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bulkhead::ctl {

class Table {
public:
    /// No headers: no header line.
    explicit Table(std::vector<std::string> headers = {}) : headers_(std::move(headers)) {}

    void add(const std::vector<std::string>& cells);
    bool empty() const { return rows_.empty(); }

    std::string text(size_t width) const;

private:
    std::vector<std::string> headers_;
    std::vector<std::vector<std::string>> rows_;
};

/// Between columns.
inline constexpr size_t kGap = 2;

/// Colours a cell, after it was padded.
using Painter = std::function<std::string(size_t column, std::string cell)>;

/// One row; a cell that is wider than its column goes on below. Cells have to be printable.
std::string row_text(const std::vector<std::string>& cells, const std::vector<size_t>& widths,
                     const Painter& paint = nullptr);

/// Of the terminal on stdout; 80 where there is none.
size_t terminal_width();

/// The same; endless where there is none, so that whoever filters lines has one for each row.
size_t row_width();

} // namespace bulkhead::ctl
