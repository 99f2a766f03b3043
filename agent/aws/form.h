// SPDX-License-Identifier: Apache-2.0
//
// The body of a request to a Query API (EC2, RDS, ElastiCache, STS): application/x-www-form-urlencoded, lists as
// numbered parameters from 1 on.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::aws {

class Form {
public:
    Form& add(std::string_view name, std::string_view value) {
        text_ += text_.empty() ? "" : "&";
        escape(name);
        text_ += '=';
        escape(value);
        return *this;
    }

    /// "Filter.1.Value" and {a, b}: Filter.1.Value.1=a, Filter.1.Value.2=b
    template <typename Values>
    Form& add_list(const std::string& name, const Values& values) {
        size_t number = 0;
        for (const auto& value : values)
            add(name + "." + std::to_string(++number), value);
        return *this;
    }

    const std::string& text() const { return text_; }

private:
    /// All but what RFC 3986, 2.3 calls unreserved.
    void escape(std::string_view text) {
        constexpr auto kHex = "0123456789ABCDEF";
        for (const char c : text) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                               c == '.' || c == '_' || c == '~';
            const auto byte = static_cast<unsigned char>(c);
            if (plain)
                text_ += c;
            else
                text_ += {'%', kHex[byte >> 4], kHex[byte & 15]};
        }
    }

    std::string text_;
};

} // namespace bulkhead::aws
