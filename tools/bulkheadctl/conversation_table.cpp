// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bulkheadctl/colour.h"
#include "bulkheadctl/conversations.h"
#include "bulkheadctl/flow_text.h"
#include "bulkheadctl/flow_words.h"
#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

namespace {

enum Column : uint8_t { kAge, kIdle, kExpires, kProtocol, kState, kVerdict, kSource, kDestination, kColumns };

const std::vector<std::string> kHeaders{"AGE",   "IDLE",    "EXPIRES", "PROTOCOL",
                                        "STATE", "VERDICT", "SOURCE",  "DESTINATION"};

std::string with_unit(std::chrono::seconds length, std::chrono::seconds unit, const char* name) {
    return std::to_string(length / unit) + name;
}

} // namespace

std::string length_text(std::chrono::seconds length) {
    using namespace std::chrono;
    const auto two = [&](seconds unit, const char* name, seconds next, const char* next_name) {
        const auto rest = length % unit;
        return with_unit(length, unit, name) + (rest < next ? "" : " " + with_unit(rest, next, next_name));
    };
    if (length >= days(1)) return two(days(1), "d", hours(1), "h");
    if (length >= hours(1)) return two(hours(1), "h", minutes(1), "m");
    if (length >= minutes(1)) return two(minutes(1), "m", seconds(1), "s");
    return with_unit(length, seconds(1), "s");
}

void ConversationTable::add(const flow::Conversation& conversation) {
    const auto record = printable_copy(conversation.flow);
    rows_.push_back({conversation.age ? length_text(*conversation.age) : "-", length_text(conversation.idle),
                     conversation.expires.count() == 0 ? "over" : length_text(conversation.expires),
                     flow::protocol_text(record.protocol), flow::label_of(conversation.progress),
                     conversation.is_judged ? verdict_text(record.verdict) : "-", end_text(record.source, names_),
                     end_text(record.destination, names_)});
    verdicts_.push_back(record.verdict);
}

std::string ConversationTable::take() {
    const bool is_first = widths_.empty();
    if (rows_.empty()) return {};
    if (is_first) rows_.insert(rows_.begin(), kHeaders);
    widths_.resize(kColumns);
    for (const auto& row : rows_)
        for (size_t i = 0; i < kColumns; ++i)
            widths_[i] = std::max(widths_[i], row[i].size());
    const auto widths = fitted(widths_, width_);
    std::string text;
    for (size_t i = 0; i < rows_.size(); ++i) {
        const bool is_header = is_first && i == 0;
        text += row_text(rows_[i], widths, [&](size_t column, std::string cell) {
            if (is_header) return cell;
            if (column == kVerdict)
                return painted(std::move(cell), colour_of(verdicts_[i - (is_first ? 1 : 0)]), colour_);
            return column >= kSource ? painted(std::move(cell), Colour::kName, colour_) : cell;
        });
    }
    rows_.clear();
    verdicts_.clear();
    return text;
}

} // namespace bulkhead::ctl
