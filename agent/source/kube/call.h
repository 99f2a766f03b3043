// SPDX-License-Identifier: Apache-2.0
//
// A request whose answer is wanted as a whole: for those who write, and for short questions. One at a time.
// One thread; see Session for who calls when.
#pragma once

#include <functional>
#include <string>

#include "source/kube/session.h"

namespace bulkhead::source::kube {

class Call {
public:
    /// `session` must outlive it; destroying it cancels what is under way.
    explicit Call(Session& session) : session_(&session) {}

    bool under_way() const { return transfer_ != nullptr; }
    void cancel() { transfer_.reset(); }

    /// `on_end` gets all of the body, unless it is longer than that many bytes (then an error). A 401 makes the
    /// credentials look for another proof. False: who we are isn't known yet, and nothing was asked.
    bool start(const Request& request, std::function<void(const Response&)> on_end, size_t longest = 1 << 20);

private:
    void end(Response response);

    Session* session_;
    HttpClient::TransferPtr transfer_{nullptr, nullptr};
    uint64_t proof_version_ = 0;
    std::string body_;
    std::function<void(const Response&)> on_end_;
};

/// When to look again whether it is known.
inline constexpr std::chrono::milliseconds kAskAgainWhoWeAre{100};

/// Why it isn't as it should be: "Could not connect to server", "403: pods is forbidden".
std::string words_of(const Response& response);

} // namespace bulkhead::source::kube
