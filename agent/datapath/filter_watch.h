// SPDX-License-Identifier: Apache-2.0
//
// Sees to it that others' programs don't stay in front of ours, on a thread of its own: the loop may be working a large
// change out, and here every millisecond counts. Of tc filters the kernel tells; of tcx programs it doesn't, so there
// one has to look. News that is lost is the loop's periodic check's business.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "base/fd.h"
#include "base/result.h"
#include "datapath/tc_filters.h"

namespace bulkhead::datapath {

class FilterWatch {
public:
    /// An interface, and when it was heard of it. Called on the watch's thread.
    using OnChange = std::function<void(uint32_t ifindex, std::chrono::steady_clock::time_point heard)>;

    using OnPeriod = std::function<void()>;

    /// A filter that is added and that this holds for is no news: looking would only hold up whoever adds more of them.
    using IsOurs = std::function<bool(const TcFilter&)>;
    static constexpr std::chrono::milliseconds kPeriod{500};

    /// Of the network namespace that the caller is in.
    static Result<std::unique_ptr<FilterWatch>> start(OnChange on_change, OnPeriod on_period, IsOurs is_ours);
    /// Waits for the thread's end.
    ~FilterWatch();
    FilterWatch(const FilterWatch&) = delete;

private:
    FilterWatch(Fd news, Fd end, OnChange on_change, OnPeriod on_period, IsOurs is_ours);
    void run() const;
    void take_news() const;
    uint32_t device_of(const nlmsghdr& message) const;

    Fd news_;
    Fd end_;
    OnChange on_change_;
    OnPeriod on_period_;
    IsOurs is_ours_;
    std::thread thread_;
};

} // namespace bulkhead::datapath
