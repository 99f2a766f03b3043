// SPDX-License-Identifier: Apache-2.0
#include "aws/refusal.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>
#include <pugixml.hpp>

namespace bulkhead::aws {

namespace {

constexpr std::array kThrottled{
    std::string_view("Throttling"),
    std::string_view("ThrottlingException"),
    std::string_view("ThrottledException"),
    std::string_view("RequestThrottledException"),
    std::string_view("RequestThrottled"),
    std::string_view("RequestLimitExceeded"),
    std::string_view("TooManyRequests"),
    std::string_view("TooManyRequestsException"),
    std::string_view("SlowDown"),
    std::string_view("BandwidthLimitExceeded"),
    std::string_view("EC2ThrottledException"),
    std::string_view("LimitExceededException"),
};

constexpr std::array kTrouble{
    std::string_view("InternalError"),
    std::string_view("InternalFailure"),
    std::string_view("InternalServiceException"),
    std::string_view("ServiceUnavailable"),
    std::string_view("Unavailable"),
    std::string_view("RequestTimeout"),
    std::string_view("RequestTimeoutException"),
    std::string_view("IDPCommunicationError"),
};

constexpr std::array kCredentials{
    std::string_view("ExpiredToken"),
    std::string_view("ExpiredTokenException"),
    std::string_view("TokenRefreshRequired"),
    std::string_view("InvalidClientTokenId"),
    std::string_view("UnrecognizedClientException"),
    std::string_view("InvalidAccessKeyId"),
    std::string_view("AuthFailure"),
    std::string_view("SignatureDoesNotMatch"),
    std::string_view("InvalidSignatureException"),
    std::string_view("IncompleteSignature"),
    std::string_view("RequestExpired"),
    std::string_view("RequestTimeTooSkewed"),
    std::string_view("RequestInTheFuture"),
    std::string_view("MissingAuthenticationToken"),
    std::string_view("MissingAuthenticationTokenException"),
    std::string_view("InvalidIdentityToken"),
    std::string_view("IDPRejectedClaim"),
};

constexpr std::array kDenied{
    std::string_view("UnauthorizedOperation"),   std::string_view("AccessDenied"),
    std::string_view("AccessDeniedException"),   std::string_view("OptInRequired"),
    std::string_view("RegionDisabledException"),
};

constexpr std::array kSkew{
    std::string_view("RequestTimeTooSkewed"),  std::string_view("RequestExpired"),
    std::string_view("RequestInTheFuture"),    std::string_view("InvalidSignatureException"),
    std::string_view("SignatureDoesNotMatch"), std::string_view("AuthFailure"),
};

constexpr size_t kLongestMessage = 500;

bool is_among(const auto& codes, std::string_view code) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

bool read_xml(const std::string& body, Refusal& refusal) {
    pugi::xml_document document;
    if (!document.load_buffer(body.data(), body.size())) return false;
    const auto root = document.document_element();
    // EC2 has a list of errors of which it uses one, and writes RequestID.
    const auto error = root.child("Errors") ? root.child("Errors").child("Error") : root.child("Error");
    refusal.code = error.child_value("Code");
    refusal.message = error.child_value("Message");
    if (refusal.request_id.empty()) refusal.request_id = root.child_value("RequestId");
    if (refusal.request_id.empty()) refusal.request_id = root.child_value("RequestID");
    return !refusal.code.empty();
}

/// {"__type": "com.amazonaws#ThrottledException", "message": "..."}; some services write Message.
void read_json(const std::string& body, Refusal& refusal) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object()) return;
    const auto text = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    refusal.code = text("__type");
    refusal.code.erase(0, refusal.code.find('#') + 1);
    refusal.message = text("message").empty() ? text("Message") : text("message");
}

} // namespace

Refusal read_refusal(const HttpResponse& response) {
    Refusal refusal{.code = "", .message = "", .request_id = response.request_id};
    if (!read_xml(response.body, refusal)) read_json(response.body, refusal);
    if (refusal.message.size() > kLongestMessage) refusal.message = refusal.message.substr(0, kLongestMessage) + "...";
    return refusal;
}

Failure::Kind kind_of(const Refusal& refusal, long status) {
    using Kind = Failure::Kind;
    // By the code first: EC2 throttles with 503.
    if (is_among(kThrottled, refusal.code) || status == 429) return Kind::kThrottled;
    if (is_among(kTrouble, refusal.code) || status >= 500) return Kind::kUnavailable;
    if (is_among(kCredentials, refusal.code)) return Kind::kCredentials;
    if (is_among(kDenied, refusal.code) || (refusal.code.empty() && status == 403)) return Kind::kDenied;
    return Kind::kRefused;
}

bool is_passing(Failure::Kind kind) {
    return kind == Failure::Kind::kThrottled || kind == Failure::Kind::kUnavailable;
}

bool may_be_skew(const Refusal& refusal) {
    return is_among(kSkew, refusal.code);
}

std::string text_of(const Refusal& refusal, long status) {
    std::string text = refusal.code.empty() ? "HTTP status " + std::to_string(status) : refusal.code;
    if (!refusal.message.empty()) text += ": " + refusal.message;
    if (!refusal.request_id.empty()) text += " (request " + refusal.request_id + ")";
    return text;
}

} // namespace bulkhead::aws
