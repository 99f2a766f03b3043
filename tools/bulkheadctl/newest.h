// SPDX-License-Identifier: Apache-2.0
//
// Of lines that come in their order the newest so many, and between them whatever must not be left out: notices, and
// what isn't of the past any more. Keeps their text alone. One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>

namespace bulkhead::ctl {

class Newest {
public:
    using Sink = std::function<void(const std::string& line)>;

    Newest(size_t most, Sink sink) : most_(most), sink_(std::move(sink)) {}

    /// A droppable line counts, and gives way to newer ones; any other goes on as soon as nothing older is kept, or at
    /// once where already very many wait for that.
    void add(std::string line, bool is_droppable);

    /// No newer one comes.
    void finish();

private:
    struct Line {
        std::string text;
        bool is_droppable;
    };
    void give_undroppable();

    size_t most_;
    Sink sink_;
    std::deque<Line> lines_;
    size_t droppable_ = 0; // of these
    size_t undroppable_bytes_ = 0;
};

} // namespace bulkhead::ctl
