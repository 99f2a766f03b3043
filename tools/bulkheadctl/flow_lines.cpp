// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/flow_lines.h"

#include "bulkheadctl/parse_json.h"
#include "flow/time.h"

namespace bulkhead::ctl {

namespace {

constexpr int kDeepestFlow = 16;        // a record's labels are at 3
constexpr size_t kLongestUnknown = 500; // bytes of a notice that nobody here knows; -o json has all of it

} // namespace

FlowLines::FlowLines(std::string origin, const flow::Query* chosen, FlowPrinter& printer, Complain complain)
    : origin_(std::move(origin)), chosen_(chosen), printer_(printer), complain_(std::move(complain)),
      splitter_([this](std::string_view line, bool is_whole) { read(line, is_whole); }) {
    if (chosen_ == nullptr || !chosen_->last) return;
    newest_.emplace(*chosen_->last, [this](const std::string& text) {
        const auto json = parse_json(text, kDeepestFlow);
        print(flow::parse_line(*json).value(), *json); // as it was read before
    });
}

void FlowLines::finish(bool is_cut) {
    if (!is_cut) splitter_.finish();
    if (newest_) newest_->finish();
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
    const auto json = parse_json(text, kDeepestFlow);
    if (!json) return tl::unexpected(json.error());
    const auto line = flow::parse_line(*json);
    if (!line) return tl::unexpected(line.error());
    if (const auto* broken = std::get_if<flow::Broken>(&*line)) {
        broken_ = broken->why;
        return {};
    }
    const auto* record = std::get_if<flow::Record>(&*line);
    if (record != nullptr && chosen_ != nullptr && !chosen_->matches(*record)) return {};
    if (newest_)
        newest_->add(std::string(text), record != nullptr);
    else
        print(*line, *json);
    return {};
}

void FlowLines::print(const flow::Line& line, const flow::Json& raw) {
    if (const auto* record = std::get_if<flow::Record>(&line)) return printer_.add(*record, raw);
    if (printer_.keeps_notices()) return printer_.add_notice(raw);
    if (const auto* lost = std::get_if<flow::Lost>(&line)) tell(*lost);
    if (const auto* forgotten = std::get_if<flow::Forgotten>(&line)) tell(*forgotten);
    if (const auto* unknown = std::get_if<flow::Unknown>(&line)) tell(*unknown);
}

void FlowLines::tell(const flow::Lost& lost) const {
    complain_((lost.node.empty() ? origin_ : lost.node) + ": " + std::to_string(lost.count) +
              (lost.packets ? " refused packets" : " flows") + " are missing from here on" +
              (lost.because.empty() ? "" : ": " + lost.because));
}

void FlowLines::tell(const flow::Forgotten& forgotten) const {
    const auto who = forgotten.node.empty() ? "the agent" : forgotten.node;
    complain_(who + " remembers " + forgotten.what + " flows only since " + flow::rfc3339_nano(forgotten.before) +
              "; what was before isn't here");
}

void FlowLines::tell(const flow::Unknown& unknown) const {
    const auto node = unknown.said.find("node");
    auto text = flow::line_of(unknown.said);
    text.pop_back(); // its line break
    if (text.size() > kLongestUnknown) text = text.substr(0, kLongestUnknown) + "...";
    complain_((node != unknown.said.end() && node->is_string() ? node->get<std::string>() : origin_) +
              ": a notice that this version doesn't know: " + text);
}

} // namespace bulkhead::ctl
