// SPDX-License-Identifier: Apache-2.0
//
// Text that a hundred thousand pods repeat (node names, file names): immutable, shared by copies, 16
// bytes. Reads like a std::string. Whoever makes many equal ones takes them from a Pool.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace bulkhead::state {

class SharedText {
public:
    SharedText() = default;
    SharedText(std::string text) {
        if (!text.empty()) text_ = std::make_shared<const std::string>(std::move(text));
    }
    SharedText(const char* text) : SharedText(std::string(text)) {}

    const std::string& str() const {
        static const std::string kEmpty;
        return text_ ? *text_ : kEmpty;
    }
    operator const std::string&() const { return str(); }
    bool empty() const { return !text_; }
    bool is_unique() const { return text_.use_count() == 1; } // no copy of it is left

    friend bool operator==(const SharedText& a, const SharedText& b) {
        return a.text_ == b.text_ || a.str() == b.str();
    }
    friend bool operator==(const SharedText& a, std::string_view b) { return a.str() == b; }
    friend bool operator==(const SharedText& a, const std::string& b) { return a.str() == b; }
    friend bool operator==(const SharedText& a, const char* b) { return a.str() == b; }
    friend std::strong_ordering operator<=>(const SharedText& a, const SharedText& b) { return a.str() <=> b.str(); }

private:
    std::shared_ptr<const std::string> text_; // null = empty
};

/// Where an object was read: "pods.json:12". Line 0 = nothing finer than the file is known.
struct Origin {
    SharedText file;
    uint32_t line = 0;

    Origin() = default;
    Origin(SharedText where, uint32_t at_line) : file(std::move(where)), line(at_line) {}
    Origin(std::string where) : file(std::move(where)) {}
    Origin(const char* where) : file(where) {}

    std::string text() const { return line == 0 ? file.str() : file.str() + ":" + std::to_string(line); }
    operator std::string() const { return text(); }
    bool operator==(const Origin&) const = default;
};

} // namespace bulkhead::state
