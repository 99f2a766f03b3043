// SPDX-License-Identifier: Apache-2.0
#include "resolve/finder.h"

namespace bulkhead::resolve {

namespace {

metrics::Labels labels_of(const aws::Throttle::Bucket& bucket) {
    return {{"account", bucket.account}, {"region", bucket.region}, {"service", aws::facts_of(bucket.service).name}};
}

metrics::Families budget_of(const aws::Throttle& throttle) {
    auto rate = metrics::gauge("bulkhead_aws_budget_calls_per_second",
                               "Calls of one account's region and service that the budget allows, on average.");
    rate.add_real(throttle.budget().per_second);
    auto burst = metrics::gauge("bulkhead_aws_budget_burst", "The same, at once.");
    burst.add_real(throttle.budget().burst);
    auto left = metrics::gauge("bulkhead_aws_budget_left",
                               "Of these, those that could be made now; none while calls pause because of AWS.");
    for (const auto& [bucket, calls] : throttle.left())
        left.add_real(calls, labels_of(bucket));
    return {std::move(rate), std::move(burst), std::move(left)};
}

} // namespace

metrics::Families metrics_of(const aws::Throttle& throttle) {
    auto calls = metrics::counter("bulkhead_aws_calls_total", "Calls of AWS' APIs.");
    auto throttled = metrics::counter("bulkhead_aws_throttled_total", "Calls that AWS refused for being too many.");
    auto failed = metrics::counter("bulkhead_aws_failed_total",
                                   "Calls without an answer, or with one that says that AWS has trouble.");
    auto held_back = metrics::counter("bulkhead_aws_held_back_total",
                                      "Calls that weren't made, because the budget was used up or AWS had failed.");
    auto waited = metrics::counter("bulkhead_aws_wait_seconds_total", "Time that calls waited for their turn.");
    for (const auto& [bucket, of_it] : throttle.counts()) {
        const auto labels = labels_of(bucket);
        calls.add(of_it.calls, labels);
        throttled.add(of_it.throttled, labels);
        failed.add(of_it.failed, labels);
        held_back.add(of_it.held_back, labels);
        waited.add_real(std::chrono::duration<double>(of_it.waited).count(), labels);
    }
    auto families = budget_of(throttle);
    for (auto* family : {&calls, &throttled, &failed, &held_back, &waited})
        families.push_back(std::move(*family));
    return families;
}

} // namespace bulkhead::resolve
