// SPDX-License-Identifier: Apache-2.0
//
// The body of an answer that isn't there yet: it is made piece by piece while somebody reads, at the reader's pace.
// more() runs on the server's thread; wake() and end() may come from any.
#pragma once

#include <mutex>
#include <optional>
#include <string>

struct MHD_Connection;

namespace bulkhead::api {

class Body {
public:
    Body() = default;
    Body(const Body&) = delete;
    virtual ~Body() = default;

    /// The next piece. Empty: not now, wake() will tell of one. Nothing: this was all.
    virtual std::optional<std::string> more() = 0;

    /// There may be more.
    void wake();

    /// Whoever waits for more gets no more.
    void end();

    /// Ends it if it waits for more, and nobody is at the other end. No news tells of that: to be called now and then.
    void end_if_alone();

private:
    friend class HttpServer;
    void resume();
    bool is_ended();
    bool wait(MHD_Connection* connection); // false: there may be more by now

    std::mutex mutex_;
    MHD_Connection* waiting_ = nullptr;
    bool woken_ = false;
    bool ended_ = false;
};

} // namespace bulkhead::api
