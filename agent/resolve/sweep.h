// SPDX-License-Identifier: Apache-2.0
//
// A worker thread that asks AWS the questions of one place, again and again, since its client blocks; the answers come
// to the loop, those of each pass as soon as it is over. What is asked anew is asked within a second or two.
//
// One thread besides the worker's, the loop's. After stop() nothing comes any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/loop.h"
#include "resolve/asker.h"

namespace bulkhead::resolve {

class Sweep {
public:
    struct Report {
        std::vector<Outcome> outcomes;
        aws::Credentials::View credentials;
    };
    using Take = std::function<void(const Report&)>;

    /// Sweeps begin that `interval` apart, or right after each other where they take longer. `loop` outlives it.
    Sweep(Loop& loop, std::unique_ptr<Asker> asker, std::chrono::milliseconds interval, Take take);
    ~Sweep();
    Sweep(const Sweep&) = delete;

    void set_order(Order order);

    /// Without waiting for it: the destructor does, for a second at most.
    void stop();

private:
    using Time = std::chrono::steady_clock::time_point;

    void work(const std::stop_token& stop);
    Order wait_for_turn(Time due, const std::stop_token& stop);
    void tell(Report report);

    Loop& loop_;
    const std::unique_ptr<Asker> asker_; // the worker's
    const std::chrono::milliseconds interval_;
    std::shared_ptr<Take> take_; // its end is ours, on the loop's thread

    std::mutex mutex_; // guards what follows
    std::condition_variable_any news_;
    Order order_;
    bool is_other_ = false; // than what was asked last

    std::jthread worker_; // last: it uses all of the above
};

} // namespace bulkhead::resolve
