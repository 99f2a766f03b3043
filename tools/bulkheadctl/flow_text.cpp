// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/flow_text.h"

#include <algorithm>
#include <optional>

#include "base/printable.h"
#include "base/reasons.h"
#include "base/utf8.h"
#include "bulkheadctl/colour.h"
#include "bulkheadctl/flow_words.h"

namespace bulkhead::ctl {

namespace {

void make_printable(flow::End& end) {
    for (auto* text : {&end.ns, &end.name, &end.workload.kind, &end.workload.name, &end.tenant})
        *text = printable(*text);
    std::map<std::string, std::string> labels;
    for (const auto& [key, value] : end.labels)
        labels[printable(key)] = printable(value);
    end.labels = std::move(labels);
}

/// "pod, non-protected blog", "pod, non-protected", "world"
std::string kind_text(const flow::End& end) {
    const std::string kind = flow::label_of(end.kind);
    if (!end.tenant.empty()) return kind + ", " + side_text(end);
    return side_text(end) == kind ? kind : kind + ", " + flow::level_of(end);
}

void add_end(Table& table, const std::string& title, const flow::End& end, bool names) {
    table.add({title, end_text(end, names)});
    const bool address_is_new = names && !end.name.empty() && end.has_address();
    if (address_is_new) table.add({"", end.address.text()});
    table.add({"", kind_text(end)});
    if (!end.workload.name.empty()) table.add({"", "of " + end.workload.kind + " " + end.workload.name});
    std::string labels;
    for (const auto& [key, value] : end.labels)
        labels += (labels.empty() ? "" : ", ") + key + "=" + value;
    if (!labels.empty()) table.add({"", labels});
}

/// A line of parts in different colours that goes on below, between words, where it is too long.
class Sentence {
public:
    void add(const std::string& part, std::optional<Colour> colour = {}) {
        if (part.empty()) return;
        if (!plain_.empty()) plain_ += ' ';
        spans_.push_back({.begin = plain_.size(), .end = plain_.size() + part.size(), .colour = colour});
        plain_ += part;
    }

    std::string text(size_t width, bool coloured) const {
        const size_t indent = indent_for(width);
        std::string text;
        size_t start = 0;
        while (start < plain_.size()) {
            const bool is_first = start == 0;
            const size_t end = end_of_line(start, is_first ? width : width - indent, width - indent);
            text += (is_first ? "" : "\n" + std::string(indent, ' ')) + painted_part(start, end, coloured);
            start = end < plain_.size() && plain_[end] == ' ' ? end + 1 : end;
        }
        return text;
    }

private:
    struct Span {
        size_t begin;
        size_t end;
        std::optional<Colour> colour;
    };

    /// Below the second part, where there is room for that.
    size_t indent_for(size_t width) const {
        const size_t second = spans_.size() > 1 ? spans_[1].begin : 0;
        return second <= width / 4 ? second : std::min<size_t>(2, width / 4);
    }

    /// Between words, and within one only if it is longer than a `whole_line`.
    size_t end_of_line(size_t start, size_t room, size_t whole_line) const {
        if (plain_.size() - start <= room) return plain_.size();
        const size_t space = plain_.rfind(' ', start + room);
        const bool is_between = space != std::string::npos && space > start;
        const size_t word = is_between ? space + 1 : start;
        const size_t word_end = std::min(plain_.find(' ', word), plain_.size());
        if (is_between && word_end - word <= whole_line) return space;
        const size_t joint = joint_in(std::string_view(plain_).substr(start, room));
        if (start + joint > word) return start + joint;
        if (is_between) return space;
        return start + std::max<size_t>(cut_utf8(std::string_view(plain_).substr(start), room).size(), 1);
    }

    std::string painted_part(size_t begin, size_t end, bool coloured) const {
        std::string text;
        for (const auto& span : spans_) {
            const size_t from = std::max(begin, span.begin);
            const size_t to = std::min(end, span.end);
            if (from >= to) continue;
            const auto part = plain_.substr(from, to - from);
            text += (text.empty() ? "" : " ") + (span.colour ? painted(part, *span.colour, coloured) : part);
        }
        return text;
    }

    std::string plain_;
    std::vector<Span> spans_;
};

} // namespace

flow::Record printable_copy(const flow::Record& record) {
    auto copy = record;
    copy.node = printable(copy.node);
    copy.origin = printable(copy.origin);
    make_printable(copy.source);
    make_printable(copy.destination);
    return copy;
}

std::string compact_text(const flow::Record& record, const FlowStyle& style, size_t width) {
    Sentence line;
    line.add(flow::text_of(record.time, style.time_format, style.now), Colour::kDim);
    line.add(end_text(record.source, style.names), Colour::kName);
    line.add("->");
    line.add(end_text(record.destination, style.names), Colour::kName);
    line.add(packet_text(record));
    line.add(verdict_text(record.verdict), colour_of(record.verdict));
    line.add(cause_text(record));
    line.add(remark_text(record), Colour::kDim);
    return line.text(width, style.colour) + "\n";
}

std::string dict_text(const flow::Record& record, const FlowStyle& style, size_t width) {
    const auto time = [&](flow::Time at) { return flow::text_of(at, style.time_format, style.now); };
    Table table;
    table.add({"time", time(record.time)});
    if (record.first != record.time) table.add({"first", time(record.first)});
    if (!record.node.empty()) table.add({"node", record.node});
    add_end(table, "source", record.source, style.names);
    add_end(table, "destination", record.destination, style.names);
    if (const auto packet = packet_text(record); !packet.empty()) table.add({"packet", packet});
    table.add({"direction", label_of(record.direction)});
    table.add({"verdict", flow::outcome_of(record.verdict)});
    const int line = line_of(record.reason);
    table.add({"rule", (line == 0 ? "" : "line " + std::to_string(line) + ", ") + label_of(record.reason) + ": " +
                           text_of(record.reason)});
    if (!record.origin.empty()) table.add({"decided by", record.origin});
    table.add({"packets", std::to_string(record.packets)});
    table.add({"bytes", std::to_string(record.bytes)});
    return table.text(width) + "\n";
}

} // namespace bulkhead::ctl
