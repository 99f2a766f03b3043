// SPDX-License-Identifier: Apache-2.0
#include "resolve/finder.h"

namespace bulkhead::resolve {

metrics::Families metrics_of(const std::map<aws::Throttle::Bucket, aws::Throttle::Counts>& counts) {
    auto calls = metrics::counter("bulkhead_aws_calls_total", "Calls of AWS' APIs.");
    auto throttled = metrics::counter("bulkhead_aws_throttled_total", "Calls that AWS refused for being too many.");
    auto failed = metrics::counter("bulkhead_aws_failed_total",
                                   "Calls without an answer, or with one that says that AWS has trouble.");
    auto held_back = metrics::counter("bulkhead_aws_held_back_total",
                                      "Calls that weren't made, because the budget was used up or AWS had failed.");
    auto waited = metrics::counter("bulkhead_aws_wait_seconds_total", "Time that calls waited for their turn.");
    for (const auto& [bucket, of_it] : counts) {
        const metrics::Labels labels{
            {"account", bucket.account}, {"region", bucket.region}, {"service", aws::facts_of(bucket.service).name}};
        calls.add(of_it.calls, labels);
        throttled.add(of_it.throttled, labels);
        failed.add(of_it.failed, labels);
        held_back.add(of_it.held_back, labels);
        waited.add_real(std::chrono::duration<double>(of_it.waited).count(), labels);
    }
    return {std::move(calls), std::move(throttled), std::move(failed), std::move(held_back), std::move(waited)};
}

} // namespace bulkhead::resolve
