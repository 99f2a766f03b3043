// SPDX-License-Identifier: Apache-2.0
//
// Lines out of bytes that come in pieces. A line that never ends costs a bounded amount of memory.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace bulkhead::ctl {

class LineSplitter {
public:
    static constexpr size_t kLongest = 1 << 20; // bytes

    /// `line` is without its break, and its beginning alone where `is_whole` is false: it was longer than kLongest.
    using Sink = std::function<void(std::string_view line, bool is_whole)>;

    explicit LineSplitter(Sink sink) : sink_(std::move(sink)) {}

    void feed(std::string_view bytes);

    /// What came after the last line break, if anything did.
    void finish();

private:
    void keep(std::string_view part);
    void give();

    Sink sink_;
    std::string line_;
    bool is_whole_ = true;
};

} // namespace bulkhead::ctl
