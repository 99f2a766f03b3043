// SPDX-License-Identifier: Apache-2.0
//
// One HTTP request after the other, each waited for: libcurl, with connections that are kept between requests. Made for
// a worker thread: send() blocks, but never longer than the request's limit, and ends within a moment once its
// stop_token says so, whether it resolves a name, connects or reads.
//
// A body is bounded: what is longer than the request allows is given up where the bound is passed, and says so.
// Redirects are never followed: nothing that we ask redirects, and a signed request is meant for one host.
//
// One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "aws/failure.h"
#include "base/result.h"

namespace bulkhead::aws {

inline constexpr size_t kLargestPage = 10 << 20; // bytes of one body

struct HttpRequest {
    std::string method = "POST";
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    std::chrono::milliseconds connecting{5'000};
    std::chrono::milliseconds limit{30'000}; // for all of it
    size_t most = kLargestPage;              // bytes of the answer's body
    bool direct = false;                     // not through the environment's proxy: link-local services
};

struct HttpResponse {
    long status = 0;
    std::string body;
    std::string date;       // as the server wrote it
    std::string request_id; // AWS', of its header; may be empty
    std::optional<std::chrono::seconds> retry_after;
};

class Http {
public:
    /// `authorities`: a file of PEM certificates that servers are known by; empty = the system's.
    static Result<std::unique_ptr<Http>> create(const std::string& authorities = "");
    ~Http();
    Http(const Http&) = delete;

    /// Any status is an answer; no answer is kUnavailable, kTooLarge or kStopped.
    Answer<HttpResponse> send(const HttpRequest& request, const std::stop_token& stop);

private:
    struct Impl;
    explicit Http(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace bulkhead::aws
