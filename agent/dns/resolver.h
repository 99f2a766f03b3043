// SPDX-License-Identifier: Apache-2.0
//
// Asks DNS servers, many questions at once, without blocking: behind one fd to poll, like the HTTP client. It begins
// with the server that answered last. One that doesn't reply, fails or refuses hands on to the next; if there is none,
// one that didn't reply or wasn't reached is asked once more, since a datagram may be lost. What DNS itself says
// counts, whoever says it: that there is no such name needs no second opinion. Servers are recursive ones: they follow
// CNAMEs, we don't.
//
// One thread. Callbacks come out of ask() and work() only; they may ask again.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "dns/channel.h"

namespace bulkhead::dns {

class Resolver {
public:
    using Callback = std::function<void(const Answer&)>;
    static constexpr std::chrono::milliseconds kPatience{1'000}; // with one server

    /// No server named: those of /etc/resolv.conf, as they are now.
    static Result<std::unique_ptr<Resolver>> create(std::vector<Server> servers,
                                                    std::chrono::milliseconds patience = kPatience);
    ~Resolver(); // forgets what was asked
    Resolver(const Resolver&) = delete;

    int fd() const { return epoll_.get(); } // poll for reading, then work()
    void work();

    /// `question.name` must be as hostname_of() makes it.
    void ask(const Question& question, Callback on_answer);

    std::vector<Server> servers() const;
    /// How often a server's answer was what, since the start: of each try, so that a server that another one stands in
    /// for is seen.
    const std::array<uint64_t, kOutcomes>& outcomes() const { return outcomes_; }

private:
    struct Asked {
        Question question;
        Callback on_answer;
        size_t server = 0;
        size_t tries = 0;
    };

    Resolver(Fd epoll, Fd timer) : epoll_(std::move(epoll)), timer_(std::move(timer)) {}
    Result<> add(const Server& server, std::chrono::milliseconds patience);
    void try_once(std::shared_ptr<Asked> asked);
    void take(std::shared_ptr<Asked> asked, const Answer& answer);
    bool goes_on(const Asked& asked, Outcome outcome) const;
    void follow_socket(size_t channel, int fd, bool readable, bool writable);
    void rearm();

    Fd epoll_;
    Fd timer_;
    std::map<int, size_t> sockets_; // fd -> index of its channel
    size_t begin_with_ = 0;
    std::array<uint64_t, kOutcomes> outcomes_{};
    std::vector<std::unique_ptr<Channel>> channels_; // end before what their sockets' callbacks use
};

} // namespace bulkhead::dns
