// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/notices.h"

#include "flow/time.h"

namespace bulkhead::ctl {

namespace {

constexpr size_t kLongestUnknown = 500; // bytes of a notice that nobody here knows; -o json has all of it

std::string text_of(const flow::Lost& lost, const std::string& origin) {
    return (lost.node.empty() ? origin : lost.node) + ": " + std::to_string(lost.count) +
           (lost.packets ? " refused packets" : " flows") + " are missing from here on" +
           (lost.because.empty() ? "" : ": " + lost.because);
}

std::string text_of(const flow::Forgotten& forgotten) {
    const auto who = forgotten.node.empty() ? "the agent" : forgotten.node;
    return who + " remembers " + forgotten.what + " flows only since " + flow::rfc3339_nano(forgotten.before) +
           "; what was before isn't here";
}

std::string text_of(const flow::Unknown& unknown, const std::string& origin) {
    const auto node = unknown.said.find("node");
    auto text = flow::line_of(unknown.said);
    text.pop_back(); // its line break
    if (text.size() > kLongestUnknown) text = text.substr(0, kLongestUnknown) + "...";
    return (node != unknown.said.end() && node->is_string() ? node->get<std::string>() : origin) +
           ": a notice that this version doesn't know: " + text;
}

} // namespace

std::string notice_text(const flow::Line& line, const std::string& origin) {
    if (const auto* lost = std::get_if<flow::Lost>(&line)) return text_of(*lost, origin);
    if (const auto* forgotten = std::get_if<flow::Forgotten>(&line)) return text_of(*forgotten);
    if (const auto* unknown = std::get_if<flow::Unknown>(&line)) return text_of(*unknown, origin);
    return {};
}

} // namespace bulkhead::ctl
