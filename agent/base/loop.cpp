// SPDX-License-Identifier: Apache-2.0
#include "base/loop.h"

#include <array>
#include <csignal>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

namespace bulkhead {

namespace {

timespec to_timespec(std::chrono::milliseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    return {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(time - seconds).count()};
}

void drain(int fd) {
    uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd, &count, sizeof count);
}

// timerfd disarms on zero, so "at once" is the shortest time there is.
void set_timer(int fd, std::chrono::milliseconds first, std::chrono::milliseconds period) {
    itimerspec spec{.it_interval = to_timespec(period), .it_value = to_timespec(first)};
    if (first.count() <= 0) spec.it_value.tv_nsec = 1;
    timerfd_settime(fd, 0, &spec, nullptr);
}

} // namespace

Timer::~Timer() {
    loop_.unwatch(fd_.get());
}

void Timer::arm_in(std::chrono::milliseconds delay) {
    set_timer(fd_.get(), delay, std::chrono::milliseconds(0));
}

void Timer::arm_every(std::chrono::milliseconds period) {
    set_timer(fd_.get(), period, period);
}

void Timer::disarm() {
    const itimerspec never{};
    timerfd_settime(fd_.get(), 0, &never, nullptr);
}

Result<std::unique_ptr<Loop>> Loop::create() {
    Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return fail("create epoll", errno);
    Fd wakeup(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wakeup.valid()) return fail("create eventfd", errno);
    const int wakeup_fd = wakeup.get();
    std::unique_ptr<Loop> loop(new Loop(std::move(epoll), std::move(wakeup)));
    if (auto watched = loop->watch(wakeup_fd, [raw = loop.get()] { raw->run_posted(); }); !watched)
        return within("create event loop", watched.error());
    return loop;
}

Loop::~Loop() {
    std::vector<Callback> dropped;
    std::lock_guard lock(mutex_);
    ended_ = true;
    dropped.swap(posted_);
}

Result<> Loop::watch(int fd, Callback on_readable) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail("watch fd " + std::to_string(fd), errno);
    watches_[fd] = std::make_shared<Callback>(std::move(on_readable));
    return {};
}

void Loop::unwatch(int fd) {
    if (watches_.erase(fd) != 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Result<std::unique_ptr<Timer>> Loop::timer(Callback on_expiry) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!fd.valid()) return fail("create timer", errno);
    const int raw = fd.get();
    auto watched = watch(raw, [raw, on_expiry = std::move(on_expiry)] {
        drain(raw);
        on_expiry();
    });
    if (!watched) return within("create timer", watched.error());
    return std::unique_ptr<Timer>(new Timer(*this, std::move(fd)));
}

Result<> Loop::on_signals(std::initializer_list<int> signals, std::function<void(int)> handler) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
    if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return fail("block signals", errno);
    Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd.valid()) return fail("create signalfd", errno);
    const int raw = fd.get();
    signals_ = std::move(fd);
    return watch(raw, [raw, handler = std::move(handler)] {
        signalfd_siginfo info{};
        while (read(raw, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
            handler(static_cast<int>(info.ssi_signo));
    });
}

void Loop::post(Callback callback) {
    {
        std::lock_guard lock(mutex_);
        if (ended_) return;
        posted_.push_back(std::move(callback));
    }
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wakeup_.get(), &one, sizeof one);
}

void Loop::run_posted() {
    drain(wakeup_.get());
    std::vector<Callback> batch;
    {
        std::lock_guard lock(mutex_);
        batch.swap(posted_);
    }
    for (auto& callback : batch)
        callback();
}

Result<> Loop::run() {
    std::array<epoll_event, 32> events{};
    while (!stopping_) {
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) return fail("wait for events", errno);
        for (int i = 0; i < count; ++i) {
            // An earlier callback of this batch may have removed this watch, or may remove itself.
            const auto found = watches_.find(events[static_cast<size_t>(i)].data.fd);
            if (found == watches_.end()) continue;
            const auto callback = found->second;
            (*callback)();
        }
        if (after_batch_) after_batch_();
    }
    std::vector<Callback> dropped; // destroyed unlocked: their owners may be waiting for the answer
    {
        std::lock_guard lock(mutex_);
        ended_ = true;
        dropped.swap(posted_);
    }
    return {};
}

} // namespace bulkhead
