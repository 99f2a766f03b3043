// SPDX-License-Identifier: Apache-2.0
//
// A flow as people read it: a sentence on one line, a row of a table, or field by field. Pure. Everything here takes
// records that printable_copy() made: what it prints reaches the terminal as it is.
#pragma once

#include <string>
#include <vector>

#include "bulkheadctl/table.h"
#include "flow/record.h"
#include "flow/time.h"

namespace bulkhead::ctl {

struct FlowStyle {
    flow::TimeFormat time_format = flow::TimeFormat::kTime;
    flow::Time now{}; // what relative times are relative to
    bool names = true;
    bool colour = false;
};

/// The record with each of its texts made printable().
flow::Record printable_copy(const flow::Record& record);

/// "12:03:04.123 blog/web-7f:41812 -> payments/ledger-0:5432 TCP SYN DENIED not-granted (non-protected blog ->
/// protected payments)", with its line break. Where that is wider than `width` it goes on below, between words.
std::string compact_text(const flow::Record& record, const FlowStyle& style, size_t width);

/// Field by field; an empty line ends it.
std::string dict_text(const flow::Record& record, const FlowStyle& style, size_t width);

/// Rows come while the flows do, so columns only grow.
class FlowTable {
public:
    FlowTable(bool colour, size_t width) : colour_(colour), width_(width) {}

    void add(const flow::Record& record, const FlowStyle& style);

    /// What was added since the last time, below the headers if it is the first.
    std::string take();

private:
    void widen(const std::vector<std::string>& cells);
    std::vector<size_t> fitted() const;
    std::vector<size_t> fitted_above() const;
    std::string text_of(std::vector<std::string> cells, const std::vector<size_t>& widths, const Painter& paint) const;

    bool colour_;
    size_t width_;
    std::vector<std::vector<std::string>> rows_;
    std::vector<bh_verdict> verdicts_; // of the rows
    std::vector<size_t> widths_;
};

} // namespace bulkhead::ctl
