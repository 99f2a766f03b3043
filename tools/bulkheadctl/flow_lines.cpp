// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/flow_lines.h"

#include "bulkheadctl/parse_json.h"
#include "flow/time.h"

namespace bulkhead::ctl {

namespace {

constexpr int kDeepestFlow = 16; // a record's labels are at 3

} // namespace

FlowLines::FlowLines(std::string origin, const flow::Query* chosen, FlowPrinter& printer, Complain complain)
    : origin_(std::move(origin)), chosen_(chosen), printer_(printer), complain_(std::move(complain)),
      splitter_([this](std::string_view line, bool is_whole) { read(line, is_whole); }) {}

void FlowLines::finish() {
    splitter_.finish();
    for (const auto& [record, raw] : newest_)
        printer_.add(record, raw);
    newest_.clear();
}

void FlowLines::read(std::string_view text, bool is_whole) {
    ++number_;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) return;
    const auto done =
        is_whole ? read_json(text) : fail("is longer than " + std::to_string(LineSplitter::kLongest >> 20) + " MiB");
    if (done) return;
    ++unreadable_;
    complain_(origin_ + ":" + std::to_string(number_) + ": " + done.error().text);
}

Result<> FlowLines::read_json(std::string_view text) {
    auto json = parse_json(text, kDeepestFlow);
    if (!json) return tl::unexpected(json.error());
    const auto line = flow::parse_line(*json);
    if (!line) return tl::unexpected(line.error());
    if (const auto* record = std::get_if<flow::Record>(&*line))
        take(*record, std::move(*json));
    else if (const auto* lost = std::get_if<flow::Lost>(&*line))
        take(*lost, *json);
    else if (const auto* forgotten = std::get_if<flow::Forgotten>(&*line))
        take(*forgotten, *json);
    else
        broken_ = std::get<flow::Broken>(*line).why;
    return {};
}

void FlowLines::take(const flow::Record& record, flow::Json raw) {
    if (chosen_ != nullptr && !chosen_->matches(record)) return;
    if (chosen_ == nullptr || !chosen_->last) return printer_.add(record, raw);
    newest_.emplace_back(record, std::move(raw));
    if (newest_.size() > *chosen_->last) newest_.pop_front();
}

void FlowLines::take(const flow::Lost& lost, const flow::Json& raw) {
    if (printer_.keeps_notices()) return printer_.add_notice(raw);
    complain_(origin_ + ": " + std::to_string(lost.flows) + " flows are missing from here on" +
              (lost.because.empty() ? "" : ": " + lost.because));
}

void FlowLines::take(const flow::Forgotten& forgotten, const flow::Json& raw) {
    if (printer_.keeps_notices()) return printer_.add_notice(raw);
    const auto who = forgotten.node.empty() ? "the agent" : forgotten.node;
    complain_(who + " remembers " + forgotten.what + " flows only since " + flow::rfc3339_nano(forgotten.before) +
              "; what was before isn't here");
}

} // namespace bulkhead::ctl
