// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/flow_text.h"

#include <algorithm>

#include "base/printable.h"
#include "base/reasons.h"
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

void add_end(Table& table, const std::string& title, const flow::End& end, bool names) {
    table.add({title, end_text(end, names)});
    const bool address_is_new = names && !end.name.empty() && end.has_address();
    if (address_is_new) table.add({"", end.address.text()});
    table.add({"", std::string(flow::label_of(end.kind)) + ", " + side_text(end)});
    if (!end.workload.name.empty()) table.add({"", "of " + end.workload.kind + " " + end.workload.name});
    std::string labels;
    for (const auto& [key, value] : end.labels)
        labels += (labels.empty() ? "" : ", ") + key + "=" + value;
    if (!labels.empty()) table.add({"", labels});
}

} // namespace

flow::Record printable_copy(const flow::Record& record) {
    auto copy = record;
    copy.node = printable(copy.node);
    copy.origin = printable(copy.origin);
    make_printable(copy.source);
    make_printable(copy.destination);
    return copy;
}

std::string compact_text(const flow::Record& record, const FlowStyle& style) {
    const auto in = [&](std::string text, Colour colour) { return painted(std::move(text), colour, style.colour); };
    std::string line = in(flow::text_of(record.time, style.time_format, style.now), Colour::kDim);
    line += " " + in(end_text(record.source, style.names), Colour::kName);
    line += " -> " + in(end_text(record.destination, style.names), Colour::kName);
    if (const auto packet = packet_text(record); !packet.empty()) line += " " + packet;
    line += " " + in(verdict_text(record.verdict), colour_of(record.verdict));
    return line + " " + cause_text(record) + " " + in(remark_text(record), Colour::kDim) + "\n";
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
