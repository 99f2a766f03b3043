// SPDX-License-Identifier: Apache-2.0
//
// Parts of the controller that talk to an API server, with one that answers what the test says.
#pragma once

#include <poll.h>

#include <catch2/catch_test_macros.hpp>

#include "kube_scripted_server.h"
#include "source/kube/session.h"

namespace bulkhead::controller {

using source::kube::ScriptedServer;
using Answer = ScriptedServer::Answer;
using Asked = ScriptedServer::Asked;

/// A v1 Status as the server sends it.
inline std::string refusal(int code, const std::string& message, const std::string& details = "{}") {
    return source::kube::response(std::to_string(code) + " Refused", R"({"kind":"Status","apiVersion":"v1","code":)" +
                                                                         std::to_string(code) + R"(,"message":")" +
                                                                         message + R"(","details":)" + details + "}");
}

class Talk {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Talk(ScriptedServer::Script script) : server_(std::move(script)) {
        source::kube::Access access;
        access.server = server_.url();
        session_ = source::kube::Session::create(access, 1).value();
    }

    source::kube::Session& session() { return *session_; }
    std::vector<Asked> asked() const { return server_.asked(); }
    size_t held(const std::string& method) const { return server_.held(method); }

    /// Of those that were asked, the ones with this method.
    std::vector<Asked> asked(const std::string& method) const {
        auto all = server_.asked();
        std::erase_if(all, [&](const auto& one) { return one.method != method; });
        return all;
    }

    /// As the controller's turns, with `tick(now)` in each.
    void run(const std::function<void(Time)>& tick, const std::function<bool()>& holds) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!holds()) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            session_->work();
            tick(std::chrono::steady_clock::now());
            pollfd fd{.fd = session_->fd(), .events = POLLIN, .revents = 0};
            poll(&fd, 1, 20);
        }
    }

private:
    ScriptedServer server_;
    std::unique_ptr<source::kube::Session> session_;
};

} // namespace bulkhead::controller
