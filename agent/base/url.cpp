// SPDX-License-Identifier: Apache-2.0
#include "base/url.h"

namespace bulkhead {

std::optional<Url> Url::parse(const std::string& text) {
    Url url(curl_url());
    if (!url.raw_ || !url.set(CURLUPART_URL, text)) return std::nullopt;
    return url;
}

std::string Url::part(CURLUPart which, unsigned flags) const {
    char* text = nullptr;
    if (curl_url_get(raw_.get(), which, &text, flags) != CURLUE_OK) return "";
    std::string copy = text;
    curl_free(text);
    return copy;
}

bool Url::set(CURLUPart which, const std::string& text) {
    return curl_url_set(raw_.get(), which, text.c_str(), 0) == CURLUE_OK;
}

} // namespace bulkhead
