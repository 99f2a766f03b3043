// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/flow_printer.h"

#include <utility>

#include "flow/stream.h"

namespace bulkhead::ctl {

void FlowPrinter::add(const flow::Record& record, const flow::Json& raw) {
    style_.now = flow::now();
    switch (format_) {
    case FlowFormat::kCompact:
        text_ += compact_text(printable_copy(record), style_, width_);
        break;
    case FlowFormat::kTable:
        table_.add(printable_copy(record), style_);
        break;
    case FlowFormat::kDict:
        text_ += dict_text(printable_copy(record), style_, width_);
        break;
    case FlowFormat::kJson:
        text_ += flow::line_of(raw);
        break;
    }
}

void FlowPrinter::add_notice(const flow::Json& raw) {
    if (keeps_notices()) text_ += flow::line_of(raw);
}

std::string FlowPrinter::take() {
    return std::exchange(text_, {}) + table_.take();
}

} // namespace bulkhead::ctl
