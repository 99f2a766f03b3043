// SPDX-License-Identifier: Apache-2.0
//
// A thread that looks AWSResources up, with a loop of its own: whatever AWS' and DNS' answers cost, the agent's loop
// doesn't wait for it. Orders go there, reports come to the agent's loop, whenever something is other than it was and
// every few seconds besides, for the figures.
//
// One thread besides its own, that of the loop it reports to. After its end nothing comes any more.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/loop.h"
#include "resolve/finder.h"

namespace bulkhead {

class LookUpThread {
public:
    /// What to look up from now on, and what was found of new ones before.
    struct Order {
        uint64_t number = 0;
        resolve::Resources resources{};
        resolve::Memories memories{};
    };
    struct Report {
        uint64_t order = 0; // the number of the last one that it knows of
        std::map<std::string, resolve::Finding> findings{};
        resolve::Memories memories{}; // of the same resources
        metrics::Families metrics{};
    };
    using Take = std::function<void(Report)>;

    /// `loop` outlives it; `take` is called there.
    static Result<std::unique_ptr<LookUpThread>> start(Loop& loop, resolve::Settings settings, Take take);
    ~LookUpThread(); // waits for it, which may take a second
    LookUpThread(const LookUpThread&) = delete;

    void follow(Order order);

private:
    LookUpThread(Loop& home, std::unique_ptr<Loop> own, resolve::Settings settings, Take take);
    void run();
    void report();

    Loop& home_;
    const std::unique_ptr<Loop> own_;
    const resolve::Settings settings_;
    std::shared_ptr<Take> take_; // its end is ours, on the thread of `home_`

    // The thread's
    resolve::Finder* finder_ = nullptr;
    Order order_{};
    bool has_news_ = false;

    std::jthread thread_; // last: it uses all of the above
};

} // namespace bulkhead
