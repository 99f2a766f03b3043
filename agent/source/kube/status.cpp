// SPDX-License-Identifier: Apache-2.0
#include "source/kube/status.h"

#include <algorithm>

#include "base/utf8.h"
#include "source/field.h"
#include "source/reader.h"

namespace bulkhead::source::kube {

namespace {

constexpr std::chrono::seconds kLongestRetryAfter{60};
constexpr size_t kLongestMessage = 400; // bytes; nobody reads more of it in a log

/// One line of printable text, since anybody may have written it.
std::string tidy(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    if (text.size() > kLongestMessage) text = std::string(cut_utf8(text, kLongestMessage)) + "...";
    while (text.ends_with(' '))
        text.pop_back();
    return text;
}

bool has_cause(const Field& details, std::string_view reason) {
    bool found = false;
    const auto causes = details["causes"];
    causes.each([&](const Field& cause) { found |= cause["reason"].string() == reason; });
    return found;
}

} // namespace

Status read_status(const Value& document) {
    Complaints ignored;
    const Field root(document, ignored);
    const auto details = root["details"];
    Status status{.code = root["code"].integer().value_or(0),
                  .reason = root["reason"].string().value_or(""),
                  .message = tidy(root["message"].string().value_or(""))};
    if (const auto seconds = details["retryAfterSeconds"].integer(); seconds && *seconds > 0)
        status.retry_after = std::chrono::seconds(*seconds);
    status.too_large_version = has_cause(details, "ResourceVersionTooLarge");
    status.namespace_ends = has_cause(details, "NamespaceTerminating");
    return status;
}

Status status_of(const Response& response) {
    Status status;
    std::string body = response.body;
    body.reserve(body.size() + kJsonPadding);
    const auto read = read_json(body, [&](const Value& document) { status = read_status(document); });
    if (!read || status.message.empty()) status.message = tidy(body);
    status.code = response.status;
    if (response.retry_after) status.retry_after = std::max(response.retry_after, status.retry_after);
    // Whoever asks for more than that has lost count, and we would be deaf for as long.
    if (status.retry_after) status.retry_after = std::min(*status.retry_after, kLongestRetryAfter);
    return status;
}

} // namespace bulkhead::source::kube
