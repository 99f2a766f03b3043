// SPDX-License-Identifier: Apache-2.0
//
// A stream of flows, from the agent or a file, on its way to the printer: lines are read, those that can't be are told
// with their number, and of a file those that were asked for are chosen here, where an agent would do it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bulkheadctl/flow_printer.h"
#include "bulkheadctl/newest.h"
#include "bulkheadctl/splitter.h"
#include "flow/query.h"
#include "flow/stream.h"

namespace bulkhead::ctl {

class FlowLines {
public:
    using Complain = std::function<void(const std::string&)>;

    /// `origin` names the stream in complaints. Without `chosen` every flow is printed.
    FlowLines(std::string origin, const flow::Query* chosen, FlowPrinter& printer, Complain complain);

    void feed(std::string_view bytes) { splitter_.feed(bytes); }

    /// There is no more: the rest of the last line, and `last`. A line that was `cut` where somebody had enough is
    /// none.
    void finish(bool is_cut);

    size_t unreadable() const { return unreadable_; }

    /// Why the stream ended, if it said so.
    const std::optional<std::string>& broken() const { return broken_; }

private:
    void read(std::string_view text, bool is_whole);
    Result<> read_json(std::string_view text);
    void print(const flow::Line& line, const flow::Json& raw);

    std::string origin_;
    const flow::Query* chosen_;
    FlowPrinter& printer_;
    Complain complain_;
    LineSplitter splitter_;
    std::optional<Newest> newest_; // if chosen_ says so many; read once more when they are printed
    size_t number_ = 0;
    size_t unreadable_ = 0;
    std::optional<std::string> broken_;
};

} // namespace bulkhead::ctl
