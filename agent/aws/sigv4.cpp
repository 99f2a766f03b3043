// SPDX-License-Identifier: Apache-2.0
#include "aws/sigv4.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <map>

#include <nettle/hmac.h>
#include <nettle/sha2.h>

namespace bulkhead::aws {

namespace {

using Digest = std::array<uint8_t, SHA256_DIGEST_SIZE>;

constexpr auto kAlgorithm = "AWS4-HMAC-SHA256";

const uint8_t* bytes_of(std::string_view text) {
    return reinterpret_cast<const uint8_t*>(text.data());
}

Digest sha256(std::string_view text) {
    sha256_ctx context{};
    sha256_init(&context);
    sha256_update(&context, text.size(), bytes_of(text));
    Digest digest{};
    sha256_digest(&context, digest.size(), digest.data());
    return digest;
}

Digest hmac(std::string_view key, std::string_view text) {
    hmac_sha256_ctx context{};
    hmac_sha256_set_key(&context, key.size(), bytes_of(key));
    hmac_sha256_update(&context, text.size(), bytes_of(text));
    Digest digest{};
    hmac_sha256_digest(&context, digest.size(), digest.data());
    return digest;
}

Digest hmac(const Digest& key, std::string_view text) {
    return hmac(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()), text);
}

std::string hex(const Digest& digest) {
    std::string text;
    for (const auto byte : digest) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", byte);
        text += two;
    }
    return text;
}

/// Without spaces at either end, and one where there are several in a row.
std::string trimmed(std::string_view value) {
    std::string text;
    for (const char c : value) {
        const bool space = c == ' ' || c == '\t';
        if (space && (text.empty() || text.back() == ' ')) continue;
        text += space ? ' ' : c;
    }
    if (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
}

/// By name in lower case, sorted: the values of equal names joined, in their order.
std::map<std::string, std::string> canonical(const HeaderList& headers) {
    std::map<std::string, std::string> all;
    for (auto [name, value] : headers) {
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        auto [place, is_new] = all.emplace(name, trimmed(value));
        if (!is_new) place->second += "," + trimmed(value);
    }
    return all;
}

struct Date {
    std::string day;  // "20150830"
    std::string full; // "20150830T123600Z"
};

Date date_of(Clock::Wall when) {
    const auto days = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss time(when - days);
    char day[16];
    std::snprintf(day, sizeof day, "%04d%02u%02u", int(date.year()), unsigned(date.month()), unsigned(date.day()));
    char clock[16];
    std::snprintf(clock, sizeof clock, "T%02d%02d%02dZ", int(time.hours().count()), int(time.minutes().count()),
                  int(time.seconds().count()));
    return {.day = day, .full = std::string(day) + clock};
}

struct Canonical {
    std::string request;
    std::string signed_headers; // "host;x-amz-date"
};

Canonical canonical_request(const ToSign& request, const HeaderList& headers) {
    std::string lines, names;
    for (const auto& [name, value] : canonical(headers)) {
        lines += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    return {.request = request.method + "\n/\n\n" + lines + "\n" + names + "\n" + hex(sha256(request.body)),
            .signed_headers = names};
}

} // namespace

HeaderList sign(const ToSign& request, const Keys& keys, Clock::Wall when) {
    const auto date = date_of(when);
    HeaderList added{{"X-Amz-Date", date.full}};
    if (!keys.session_token.empty()) added.emplace_back("X-Amz-Security-Token", keys.session_token);
    auto all = request.headers;
    all.insert(all.end(), added.begin(), added.end());

    const auto canonical = canonical_request(request, all);
    const auto scope = date.day + "/" + request.region + "/" + request.service + "/aws4_request";
    const auto to_sign =
        std::string(kAlgorithm) + "\n" + date.full + "\n" + scope + "\n" + hex(sha256(canonical.request));
    auto key = hmac("AWS4" + keys.secret_key, date.day);
    for (const std::string_view part :
         {std::string_view(request.region), std::string_view(request.service), std::string_view("aws4_request")})
        key = hmac(key, part);
    added.emplace_back("Authorization", std::string(kAlgorithm) + " Credential=" + keys.access_key + "/" + scope +
                                            ", SignedHeaders=" + canonical.signed_headers +
                                            ", Signature=" + hex(hmac(key, to_sign)));
    return added;
}

} // namespace bulkhead::aws
