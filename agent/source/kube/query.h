// SPDX-License-Identifier: Apache-2.0
//
// The query of a URL (RFC 3986, 3.4), and which parameters the Kubernetes API takes there.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::source::kube {

/// With everything but unreserved characters as %XX.
std::string escaped(std::string_view text);

/// "?a=b&c=d"; what is empty is left out.
class Query {
public:
    Query& add(std::string_view name, std::string_view value) {
        return add_text(std::string(name) + "=" + escaped(value));
    }
    /// Already as it has to be.
    Query& add_text(std::string_view text) {
        if (text.empty()) return *this;
        text_ += text_.empty() ? '?' : '&';
        text_ += text;
        return *this;
    }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

} // namespace bulkhead::source::kube
