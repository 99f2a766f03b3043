// SPDX-License-Identifier: Apache-2.0
#include "dns/resolver.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <optional>

namespace bulkhead::dns {

namespace {

constexpr size_t kLeastTries = 2;

bool is_conclusive(Outcome outcome) {
    return outcome == Outcome::kAddresses || says_nothing_there(outcome);
}

void set_timer(const Fd& timer, std::optional<std::chrono::milliseconds> wait) {
    itimerspec spec{};
    if (wait) {
        spec.it_value = {.tv_sec = wait->count() / 1000, .tv_nsec = wait->count() % 1000 * 1'000'000};
        if (wait->count() <= 0) spec.it_value.tv_nsec = 1; // zero would disarm it
    }
    timerfd_settime(timer.get(), 0, &spec, nullptr);
}

void drain(const Fd& timer) {
    uint64_t expirations = 0;
    [[maybe_unused]] const auto got = read(timer.get(), &expirations, sizeof expirations);
}

} // namespace

Result<std::unique_ptr<Resolver>> Resolver::create(std::vector<Server> servers, std::chrono::milliseconds patience) {
    if (servers.empty()) {
        auto configured = configured_servers();
        if (!configured) return tl::unexpected(configured.error());
        servers = std::move(*configured);
    }
    Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return fail("create epoll", errno);
    Fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer.valid()) return fail("create timer", errno);
    epoll_event event{.events = EPOLLIN, .data = {.fd = timer.get()}};
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0) return fail("watch timer", errno);
    std::unique_ptr<Resolver> resolver(new Resolver(std::move(epoll), std::move(timer)));
    for (const auto& server : servers)
        if (auto added = resolver->add(server, patience); !added) return tl::unexpected(added.error());
    return resolver;
}

Resolver::~Resolver() = default;

Result<> Resolver::add(const Server& server, std::chrono::milliseconds patience) {
    auto channel =
        Channel::create(server, patience, [this, index = channels_.size()](int fd, bool readable, bool writable) {
            follow_socket(index, fd, readable, writable);
        });
    if (!channel) return tl::unexpected(channel.error());
    channels_.push_back(std::move(*channel));
    return {};
}

void Resolver::follow_socket(size_t channel, int fd, bool readable, bool writable) {
    if (!readable && !writable) {
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
        sockets_.erase(fd);
        return;
    }
    epoll_event event{.events = (readable ? uint32_t{EPOLLIN} : 0) | (writable ? uint32_t{EPOLLOUT} : 0),
                      .data = {.fd = fd}};
    const bool known = !sockets_.insert_or_assign(fd, channel).second;
    epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void Resolver::work() {
    std::array<epoll_event, 16> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<size_t>(i)];
        const int fd = event.data.fd;
        if (fd == timer_.get()) {
            drain(timer_);
            for (const auto& channel : channels_)
                channel->work_on(-1, -1);
            continue;
        }
        const auto found = sockets_.find(fd); // an earlier one of this batch may have closed it
        if (found == sockets_.end()) continue;
        const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0; // reading tells
        const bool readable = broken || (event.events & EPOLLIN) != 0;
        channels_[found->second]->work_on(readable ? fd : -1, (event.events & EPOLLOUT) != 0 ? fd : -1);
    }
    rearm();
}

void Resolver::rearm() {
    std::optional<std::chrono::milliseconds> first;
    for (const auto& channel : channels_) {
        const auto wait = channel->wait();
        if (wait && (!first || *wait < *first)) first = wait;
    }
    set_timer(timer_, first);
}

void Resolver::ask(const Question& question, Callback on_answer) {
    auto asked = std::make_shared<Asked>();
    *asked = {.question = question, .on_answer = std::move(on_answer), .server = begin_with_};
    try_once(std::move(asked));
    rearm();
}

void Resolver::try_once(std::shared_ptr<Asked> asked) {
    ++asked->tries;
    channels_[asked->server]->ask(asked->question, [this, asked](const Answer& answer) { take(asked, answer); });
}

void Resolver::take(std::shared_ptr<Asked> asked, const Answer& answer) {
    ++outcomes_[static_cast<size_t>(answer.outcome)];
    if (is_conclusive(answer.outcome)) {
        begin_with_ = asked->server;
    } else if (goes_on(*asked, answer.outcome)) {
        asked->server = (asked->server + 1) % channels_.size();
        return try_once(std::move(asked));
    }
    asked->on_answer(answer);
}

bool Resolver::goes_on(const Asked& asked, Outcome outcome) const {
    if (asked.tries >= std::max(kLeastTries, channels_.size())) return false;
    // With its idle TCP connection, c-ares ends the questions that a server is just being asked over UDP too.
    return channels_.size() > 1 || outcome == Outcome::kNoReply || outcome == Outcome::kUnreachable;
}

std::vector<Server> Resolver::servers() const {
    std::vector<Server> all;
    for (const auto& channel : channels_)
        all.push_back(channel->server());
    return all;
}

} // namespace bulkhead::dns
