// SPDX-License-Identifier: Apache-2.0
//
// One API server, and who we are there: what everybody who talks to it shares. Has one fd to poll; after
// work() each of those who use it looks whether something is due and says when it wants to be called next.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "source/kube/access.h"
#include "source/kube/backoff.h"
#include "source/kube/credentials.h"
#include "source/kube/http_client.h"
#include "source/kube/rotating_files.h"

namespace bulkhead::source::kube {

class Session {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Asks nothing yet. `seed` makes what many agents do at the same time happen at different times.
    static Result<std::unique_ptr<Session>> create(const Access& access, uint32_t seed);

    int fd() const { return epoll_.get(); } // poll for reading

    /// Moves requests and credentials on. Forgets who wanted to be woken: they say so again.
    void work();

    /// fd() gets readable by then.
    void wake_by(Time time);

    HttpClient& client() { return *client_; }
    Credentials& credentials() { return *credentials_; }
    /// Of the server's authorities' file; empty if there is none, or nothing is wrong with it.
    const std::string& error() const;
    const std::string& url() const { return client_->server().url; }
    uint32_t next_seed() { return random_.seed(); }
    Backoff::Milliseconds between(Backoff::Milliseconds from, Backoff::Milliseconds to) {
        return random_.between(from, to);
    }

private:
    explicit Session(uint32_t seed) : random_(seed) {}
    Result<> open(const Access& access);
    Result<> watch(int fd);
    void follow_authorities();

    Fd epoll_;
    Fd timer_;
    Backoff random_;
    std::unique_ptr<Credentials> credentials_;
    std::unique_ptr<HttpClient> client_;
    std::optional<RotatingFiles> authorities_;
    std::optional<Time> wake_at_;
};

} // namespace bulkhead::source::kube
