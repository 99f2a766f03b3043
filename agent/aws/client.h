// SPDX-License-Identifier: Apache-2.0
//
// Calls of AWS' APIs, one after the other: signed, within the throttle's budget, tried again where that may help, given
// up after a time. What comes back is the body of a 200 or a failure that says which call failed, where, and what AWS
// said of it, with the request's id.
//
// Where AWS finds that our clock is off by minutes, its own, from the Date header, counts from then on.
//
// Blocks; one thread at a time. `http`, `throttle` and `clock` outlive it.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "aws/clock.h"
#include "aws/endpoints.h"
#include "aws/failure.h"
#include "aws/http.h"
#include "aws/keys.h"
#include "aws/refusal.h"
#include "aws/sigv4.h"
#include "aws/throttle.h"

namespace bulkhead::aws {

struct Operation {
    Service service = Service::kEc2;
    std::string region;
    std::string account{}; // whose budget it takes; see Throttle
    std::string name;      // "DescribeSubnets"
    std::string content_type;
    std::string target{}; // X-Amz-Target, of JSON APIs
    std::string body;
};

struct Reply {
    std::string body;
    std::string request_id; // as far as a header says it
};

struct Perseverance {
    int attempts = 4;
    std::chrono::milliseconds patience{30'000}; // after which no other attempt begins
    std::chrono::milliseconds limit{20'000};    // of one attempt
};

class Client {
public:
    Client(Http& http, Endpoints endpoints, Throttle& throttle, const Clock& clock,
           const Perseverance& perseverance = {})
        : http_(http), endpoints_(std::move(endpoints)), throttle_(throttle), clock_(clock),
          perseverance_(perseverance) {}

    /// Without keys it isn't signed: AssumeRoleWithWebIdentity.
    Answer<Reply> call(const Operation& operation, const Keys* keys, const std::stop_token& stop);

    const Clock& clock() const { return clock_; }

private:
    struct Attempt {
        Answer<Reply> answer;
        std::optional<std::chrono::seconds> retry_after{};
        bool clock_corrected = false; // and so the next attempt may be better
    };

    Attempt attempt(const Operation& operation, const Endpoint& endpoint, const Keys* keys,
                    const std::stop_token& stop);
    HttpRequest request_of(const Operation& operation, const Endpoint& endpoint, const Keys* keys) const;
    bool correct_clock(const HttpResponse& response, const Refusal& refusal);
    Clock::Wall server_time() const { return clock_.wall() + skew_; }

    Http& http_;
    const Endpoints endpoints_;
    Throttle& throttle_;
    const Clock& clock_;
    const Perseverance perseverance_;
    std::chrono::seconds skew_{0}; // of AWS' clock to ours
};

} // namespace bulkhead::aws
