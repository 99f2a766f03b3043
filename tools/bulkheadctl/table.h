// SPDX-License-Identifier: Apache-2.0
//
// Aligned columns for people. What doesn't fit is wrapped in the last column, between words where there
// are any; nothing is cut off.
#pragma once

#include <string>
#include <vector>

namespace bulkhead::ctl {

class Table {
public:
    /// No headers: no header line.
    explicit Table(std::vector<std::string> headers = {}) : headers_(std::move(headers)) {}

    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    bool empty() const { return rows_.empty(); }

    std::string text(size_t width) const;

private:
    std::vector<std::string> headers_;
    std::vector<std::vector<std::string>> rows_;
};

/// Of the terminal on stdout; 80 where there is none.
size_t terminal_width();

} // namespace bulkhead::ctl
