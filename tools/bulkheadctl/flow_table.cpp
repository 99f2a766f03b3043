// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bulkheadctl/colour.h"
#include "bulkheadctl/flow_text.h"
#include "bulkheadctl/flow_words.h"

namespace bulkhead::ctl {

namespace {

enum Column : uint8_t { kTime, kSource, kDestination, kPacket, kVerdict, kReason, kColumns };

const std::vector<std::string> kHeaders{"TIME", "SOURCE", "DESTINATION", "PACKET", "VERDICT", "REASON"};

// On a narrower terminal the reason of each flow is below it, so that names have room.
constexpr size_t kRoomForReasons = 100;

// Where it is still too narrow, names and reasons go on below; never in columns that are narrower than these.
constexpr size_t kNarrowestName = 12;
constexpr size_t kNarrowestReason = 14;
constexpr size_t kNarrowestPacket = 12; // "echo-request", below "ICMPv6"

/// Two names that need more than there is: each gets half, or what the other leaves.
void share(size_t room, size_t& one, size_t& other) {
    if (one + other <= room) return;
    const size_t half = room / 2;
    const size_t most_one = other < half ? room - other : half;
    const size_t most_other = one < half ? room - one : half;
    one = std::min(one, std::max(kNarrowestName, most_one));
    other = std::min(other, std::max(kNarrowestName, most_other));
}

} // namespace

void FlowTable::widen(const std::vector<std::string>& cells) {
    widths_.resize(kColumns);
    for (size_t i = 0; i < kColumns; ++i)
        widths_[i] = std::max(widths_[i], cells[i].size());
}

/// The reason's is what is left below the other columns.
std::vector<size_t> FlowTable::fitted_above() const {
    std::vector<size_t> above(widths_.begin(), widths_.begin() + kReason);
    above[kPacket] = std::min(above[kPacket], kNarrowestPacket);
    auto widths = ctl::fitted(std::move(above), width_);
    const size_t indent = widths[kTime] + kGap;
    widths.push_back(std::max(kNarrowestReason, width_ > indent ? width_ - indent : 0));
    return widths;
}

std::vector<size_t> FlowTable::fitted() const {
    if (width_ < kRoomForReasons) return fitted_above();
    auto widths = widths_;
    size_t fixed = widths[kTime] + widths[kVerdict] + (kColumns - 1) * kGap;
    const size_t others = fixed + widths[kSource] + widths[kDestination] + kNarrowestReason;
    if (others + widths[kPacket] > width_) widths[kPacket] = std::min(widths[kPacket], kNarrowestPacket);
    fixed += widths[kPacket];
    const size_t room = width_ > fixed ? width_ - fixed : 0;
    const size_t reason = std::min(widths[kReason], std::max(kNarrowestReason, room / 3));
    share(room > reason ? room - reason : 0, widths[kSource], widths[kDestination]);
    const size_t before = fixed + widths[kSource] + widths[kDestination];
    widths[kReason] = std::max(kNarrowestReason, width_ > before ? width_ - before : 0);
    return widths;
}

void FlowTable::add(const flow::Record& record, const FlowStyle& style) {
    rows_.push_back({flow::text_of(record.time, style.time_format, style.now), end_text(record.source, style.names),
                     end_text(record.destination, style.names), packet_text(record), verdict_text(record.verdict),
                     cause_text(record) + (record.packets > 1 ? " " + count_text(record) : "")});
    verdicts_.push_back(record.verdict);
}

std::string FlowTable::text_of(std::vector<std::string> cells, const std::vector<size_t>& widths,
                               const Painter& paint) const {
    if (width_ >= kRoomForReasons) return row_text(cells, widths, paint);
    const auto reason = std::move(cells.back());
    cells.pop_back();
    return row_text(cells, widths, paint) + row_text({"", reason}, {widths[kTime], widths[kReason]});
}

std::string FlowTable::take() {
    const bool is_first = widths_.empty();
    if (rows_.empty()) return {};
    if (is_first) widen(kHeaders);
    for (const auto& row : rows_)
        widen(row);
    const auto widths = fitted();
    std::string text = is_first ? text_of(kHeaders, widths, nullptr) : "";
    for (size_t i = 0; i < rows_.size(); ++i)
        text += text_of(std::move(rows_[i]), widths, [&](size_t column, std::string cell) {
            if (column == kVerdict) return painted(std::move(cell), colour_of(verdicts_[i]), colour_);
            const bool is_name = column == kSource || column == kDestination;
            return is_name ? painted(std::move(cell), Colour::kName, colour_) : cell;
        });
    rows_.clear();
    verdicts_.clear();
    return text;
}

} // namespace bulkhead::ctl
