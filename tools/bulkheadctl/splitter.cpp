// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/splitter.h"

#include <algorithm>

namespace bulkhead::ctl {

void LineSplitter::feed(std::string_view bytes) {
    for (;;) {
        const auto end = bytes.find('\n');
        keep(bytes.substr(0, end));
        if (end == std::string_view::npos) return;
        give();
        bytes.remove_prefix(end + 1);
    }
}

void LineSplitter::finish() {
    if (!line_.empty()) give();
}

void LineSplitter::keep(std::string_view part) {
    const auto room = kLongest - line_.size();
    is_whole_ = is_whole_ && part.size() <= room;
    line_ += part.substr(0, room);
}

void LineSplitter::give() {
    sink_(line_, is_whole_);
    line_.clear();
    is_whole_ = true;
}

} // namespace bulkhead::ctl
