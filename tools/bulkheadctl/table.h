// SPDX-License-Identifier: Apache-2.0
//
// Aligned columns for people. What doesn't fit goes on below, between words, or else behind what stands between the
// parts of a name; nothing is cut off. On a terminal columns give way until all fit, the widest first; elsewhere only
// the last one does, so that whoever filters lines finds a name in one. Cells are made printable() here, so that no
// printer has to think of it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::ctl {

/// What there is room for.
struct Width {
    Width(size_t width, bool is_terminal = true) : columns(width), narrows_all(is_terminal) {}

    size_t columns;
    bool narrows_all; // otherwise the last column alone
};

class Table {
public:
    /// No headers: no header line.
    explicit Table(std::vector<std::string> headers = {}) : headers_(std::move(headers)) {}

    void add(const std::vector<std::string>& cells);
    /// Below the row that was added last, as wide as the table.
    void add_below(const std::string& text);
    bool empty() const { return rows_.empty(); }

    std::string text(Width width) const;

private:
    struct Row {
        std::vector<std::string> cells;
        std::vector<std::string> below{};
    };
    std::vector<std::string> headers_;
    std::vector<Row> rows_;
};

/// Between columns.
inline constexpr size_t kGap = 2;

/// Colours a cell, after it was padded.
using Painter = std::function<std::string(size_t column, std::string cell)>;

/// One row; a cell that is wider than its column goes on below. Cells have to be printable.
std::string row_text(const std::vector<std::string>& cells, const std::vector<size_t>& widths,
                     const Painter& paint = nullptr);

/// Columns of these widths, made to fit.
std::vector<size_t> fitted(std::vector<size_t> widths, Width width);

/// Behind what stands between the parts of the names in it, where a line may end; rather not between an address and its
/// port, and not so early that little is on it. 0 = nowhere.
size_t joint_in(std::string_view text);

/// Sentences, as lines; as one where there is no terminal.
std::string paragraph_of(const std::string& text, Width width);

/// Text on as many lines as it takes, none of them wider, unless it is `width` itself that is less than a character.
std::vector<std::string> wrapped(const std::string& text, size_t width);

/// Of the terminal on stdout; 80 where there is none.
Width terminal_width();

/// The same; endless where there is none, so that whoever filters lines has one for each row.
size_t row_width();

} // namespace bulkhead::ctl
