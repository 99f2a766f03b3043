// SPDX-License-Identifier: Apache-2.0
//
// A client of the API server as kubectl or a controller is one: requests beside each other over one HTTP/2 connection,
// each answer with its moment. One thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "source/kube/session.h"

namespace bulkhead::bench {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

class ApiClient {
public:
    using Request = source::kube::Request;

    struct Answer {
        long status = 0;
        std::string error{}; // of the connection
        std::string body{};
        Clock::time_point at{};

        bool good() const { return error.empty() && status >= 200 && status < 300; }
        std::string text() const { return error.empty() ? std::to_string(status) + ": " + body : error; }
    };
    using OnAnswer = std::function<void(const Answer&)>;

    static Result<std::unique_ptr<ApiClient>> create(const std::filesystem::path& kubeconfig);

    /// Answered in work().
    Result<> send(const Request& request, OnAnswer on_answer);
    int fd() const { return session_->fd(); } // poll for reading
    void work() { session_->work(); }

    /// Waits for the answer, which has to be a good one.
    Result<std::string> ask(const Request& request);

    /// Many at once; every answer has to be a good one.
    Result<> ask_all(const std::vector<Request>& requests);

private:
    struct Exchange {
        source::kube::HttpClient::TransferPtr transfer{nullptr, nullptr};
        std::string body;
    };

    explicit ApiClient(std::unique_ptr<source::kube::Session> session) : session_(std::move(session)) {}
    void end(uint64_t number, const source::kube::Response& response, const OnAnswer& on_answer);
    void wait() const;

    std::unique_ptr<source::kube::Session> session_;
    std::map<uint64_t, Exchange> exchanges_; // under way
    uint64_t last_ = 0;
};

ApiClient::Request post(const std::string& path, const Json& object);
/// A merge patch: what `kubectl label` and `kubectl patch` send.
ApiClient::Request merge(const std::string& path, const Json& patch);
/// Server-side apply, as agents write their slices.
ApiClient::Request server_side_apply(const std::string& path, const Json& object);

} // namespace bulkhead::bench
