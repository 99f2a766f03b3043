// SPDX-License-Identifier: Apache-2.0
#include "aws/client.h"

#include <spdlog/spdlog.h>

#include <curl/curl.h>

namespace bulkhead::aws {

namespace {

// Signatures are taken for five minutes (IAM user guide, "Signature Version 4"); a Date is as old as its way to us.
constexpr std::chrono::seconds kTolerated{240};

Throttle::Outcome outcome_of(const Answer<Reply>& answer) {
    using Kind = Failure::Kind;
    if (answer) return Throttle::Outcome::kGood;
    switch (answer.error().kind) {
    case Kind::kThrottled:
        return Throttle::Outcome::kThrottled;
    case Kind::kUnavailable:
        return Throttle::Outcome::kFailed;
    default:
        return Throttle::Outcome::kGood; // the service is well, and answered
    }
}

std::string text_of(const Operation& operation) {
    return operation.name + " in " + operation.region + (operation.account.empty() ? "" : " of account ") +
           operation.account;
}

} // namespace

Answer<Reply> Client::call(const Operation& operation, const Keys* keys, const std::stop_token& stop) {
    const auto endpoint = endpoints_.of(operation.service, operation.region);
    if (!endpoint) return failure(Failure::Kind::kRefused, text_of(operation) + ": " + endpoint.error().text);
    const Throttle::Bucket bucket{operation.account, operation.region, operation.service};
    const auto until = clock_.now() + perseverance_.patience;
    std::optional<Failure> last;
    bool clock_corrected = false;
    for (int i = 0; i < perseverance_.attempts; ++i) {
        if (auto entered = throttle_.enter(bucket, until, stop); !entered) {
            // What AWS said tells more than that there is no time for another attempt.
            const bool tells_more = last && entered.error().kind != Failure::Kind::kStopped;
            return within(text_of(operation), tells_more ? *last : entered.error());
        }
        auto attempt = this->attempt(operation, *endpoint, keys, stop);
        throttle_.leave(bucket, outcome_of(attempt.answer), attempt.retry_after);
        if (attempt.answer) return attempt.answer;
        last = attempt.answer.error();
        const bool again = is_passing(last->kind) || (attempt.clock_corrected && !clock_corrected);
        clock_corrected = clock_corrected || attempt.clock_corrected;
        if (!again) break;
    }
    return within(text_of(operation), *last);
}

Client::Attempt Client::attempt(const Operation& operation, const Endpoint& endpoint, const Keys* keys,
                                const std::stop_token& stop) {
    auto response = http_.send(request_of(operation, endpoint, keys), stop);
    if (!response) return {.answer = tl::unexpected(response.error())};
    if (response->status == 200)
        return {.answer = Reply{.body = std::move(response->body), .request_id = response->request_id}};
    const auto refusal = read_refusal(*response);
    return {.answer = tl::unexpected(Failure{.kind = kind_of(refusal, response->status),
                                             .text = aws::text_of(refusal, response->status),
                                             .code = refusal.code}),
            .retry_after = response->retry_after,
            .clock_corrected = keys != nullptr && correct_clock(*response, refusal)};
}

HttpRequest Client::request_of(const Operation& operation, const Endpoint& endpoint, const Keys* keys) const {
    HttpRequest request{.url = endpoint.url, .body = operation.body, .limit = perseverance_.limit};
    request.headers = {{"Content-Type", operation.content_type}};
    if (!operation.target.empty()) request.headers.emplace_back("X-Amz-Target", operation.target);
    if (keys == nullptr) return request;
    ToSign to_sign{.region = operation.region,
                   .service = facts_of(operation.service).host,
                   .headers = request.headers,
                   .body = request.body};
    to_sign.headers.emplace_back("Host", endpoint.host); // as libcurl sends it
    for (auto& header : sign(to_sign, *keys, server_time()))
        request.headers.push_back(std::move(header));
    return request;
}

bool Client::correct_clock(const HttpResponse& response, const Refusal& refusal) {
    if (!may_be_skew(refusal)) return false;
    const auto date = curl_getdate(response.date.c_str(), nullptr);
    if (date < 0) return false;
    const Clock::Wall theirs{std::chrono::seconds(date)};
    if (std::chrono::abs(theirs - server_time()) < kTolerated) return false;
    skew_ = theirs - clock_.wall();
    spdlog::warn("AWS refuses our time, which is {} s off its own; from now on its own counts", skew_.count());
    return true;
}

} // namespace bulkhead::aws
