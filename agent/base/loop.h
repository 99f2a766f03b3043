// SPDX-License-Identifier: Apache-2.0
//
// The event loop: one thread that owns the cluster state and every write to a map. Whatever happens
// elsewhere (a readable fd, a timer, a signal, a request of another thread) becomes a callback here, so
// that nothing in the agent needs a lock but the Attacher, whose work waits for others (guards.h).
//
// Only post() and call() may be used from other threads. Callbacks may add and remove watches, timers
// and themselves.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead {

class Loop;

/// A timer of a loop; disarmed when it is destroyed, which must happen before the loop's end.
class Timer {
public:
    Timer(Timer&&) = delete;
    ~Timer();

    /// Fires once. Replaces what was armed before.
    void arm_in(std::chrono::milliseconds delay);
    void arm_every(std::chrono::milliseconds period);
    void disarm();

private:
    friend class Loop;
    Timer(Loop& loop, Fd fd) : loop_(loop), fd_(std::move(fd)) {}

    Loop& loop_;
    Fd fd_;
};

class Loop {
public:
    using Callback = std::function<void()>;

    static Result<std::unique_ptr<Loop>> create();
    ~Loop();

    /// Calls `on_readable` whenever `fd` has something to read; the caller keeps the fd open until unwatch().
    Result<> watch(int fd, Callback on_readable);
    void unwatch(int fd);

    Result<std::unique_ptr<Timer>> timer(Callback on_expiry);

    /// Blocks the signals for the process and delivers them here instead. Before any other thread starts.
    Result<> on_signals(std::initializer_list<int> signals, std::function<void(int)> handler);

    /// Called once after every batch of callbacks: the place where many small changes become one turn.
    void after_batch(Callback callback) { after_batch_ = std::move(callback); }

    /// Any thread: runs `callback` on the loop's thread. Dropped if the loop has ended.
    void post(Callback callback);

    /// Another thread: runs `function` on the loop's thread and waits for its answer; nothing if the loop
    /// has ended or doesn't answer in time (then `function` may still run: it must own what it uses).
    template <typename Function>
    auto call(Function function, std::chrono::milliseconds patience) -> std::optional<std::invoke_result_t<Function&>>;

    /// Until stop(). Errors of epoll itself only.
    Result<> run();
    void stop() { stopping_ = true; }

private:
    Loop(Fd epoll, Fd wakeup) : epoll_(std::move(epoll)), wakeup_(std::move(wakeup)) {}
    void run_posted();

    Fd epoll_;
    Fd wakeup_;
    Fd signals_;
    std::map<int, std::shared_ptr<Callback>> watches_;
    Callback after_batch_;
    bool stopping_ = false;

    std::mutex mutex_; // guards what other threads touch
    std::vector<Callback> posted_;
    bool ended_ = false;
};

template <typename Function>
auto Loop::call(Function function, std::chrono::milliseconds patience)
    -> std::optional<std::invoke_result_t<Function&>> {
    using Answer = std::invoke_result_t<Function&>;
    auto promise = std::make_shared<std::promise<std::optional<Answer>>>();
    auto future = promise->get_future();
    // A closure that is dropped unrun answers with nothing, so that nobody waits for an ended loop.
    std::shared_ptr<void> unanswered(nullptr, [promise](void*) {
        try {
            promise->set_value(std::nullopt);
        } catch (const std::future_error&) { // answered already
        }
    });
    post([promise, unanswered = std::move(unanswered), function = std::move(function)]() mutable {
        promise->set_value(function());
    });
    if (future.wait_for(patience) != std::future_status::ready) return std::nullopt;
    return future.get();
}

} // namespace bulkhead
