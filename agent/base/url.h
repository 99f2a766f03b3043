// SPDX-License-Identifier: Apache-2.0
//
// A URL as libcurl reads it (RFC 3986), so that what is checked is what is asked.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

namespace bulkhead {

class Url {
public:
    /// None: it is no absolute URL.
    static std::optional<Url> parse(const std::string& text);

    /// Empty: it has none. CURLUPART_URL is the whole, normalised. Flags are libcurl's (CURLU_...).
    std::string part(CURLUPart which, unsigned flags = 0) const;

    /// False: no URL has such a part.
    bool set(CURLUPart which, const std::string& text);

private:
    struct Free {
        void operator()(CURLU* raw) const { curl_url_cleanup(raw); }
    };
    explicit Url(CURLU* raw) : raw_(raw) {}

    std::unique_ptr<CURLU, Free> raw_;
};

} // namespace bulkhead
