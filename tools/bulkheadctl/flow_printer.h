// SPDX-License-Identifier: Apache-2.0
//
// Lines of a stream of flows in the form that was asked for. Text for stdout only; notices that aren't flows are the
// caller's to tell, unless JSON keeps them.
#pragma once

#include <optional>
#include <string>

#include "bulkheadctl/flow_text.h"

namespace bulkhead::ctl {

enum class FlowFormat : uint8_t { kCompact, kTable, kDict, kJson };

class FlowPrinter {
public:
    FlowPrinter(FlowFormat format, const FlowStyle& style, size_t width)
        : format_(format), style_(style), width_(width), table_(style.colour, width) {}

    /// `raw` is the record as it came: JSON keeps what this version doesn't know.
    void add(const flow::Record& record, const flow::Json& raw);

    /// Of a line that is no flow.
    void add_notice(const flow::Json& raw);
    bool keeps_notices() const { return format_ == FlowFormat::kJson; }

    /// What there is to print by now.
    std::string take();

private:
    FlowFormat format_;
    FlowStyle style_;
    size_t width_;
    FlowTable table_;
    std::string text_;
};

} // namespace bulkhead::ctl
