// SPDX-License-Identifier: Apache-2.0
#include "resolve/finder.h"

#include <algorithm>

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

metrics::Families metrics_of(const std::map<std::string, const Finding*>& by_resource, const std::set<Asked>& asked,
                             state::Time now) {
    auto addresses = metrics::gauge("bulkhead_resource_addresses", "Addresses that were found for AWSResources.");
    auto resource_ages =
        metrics::gauge("bulkhead_resource_failing_seconds",
                       "Since when something that an AWSResource names hasn't been answered; 0 while all of it is.");
    auto counts = metrics::gauge("bulkhead_lookups_failing", "Things that AWSResources name and nobody answers for.");
    auto ages = metrics::gauge("bulkhead_lookups_failing_seconds",
                               "Since when one of these hasn't been answered, the longest; 0 while all of them are.");
    std::map<std::pair<Asked, std::string>, std::set<std::string>> failing; // several resources may name the same
    std::map<Asked, double> longest;
    for (const auto& one : asked)
        longest[one] = 0;
    for (const auto& [name, finding] : by_resource) {
        double age = 0;
        for (const auto& trouble : finding->troubles) {
            const double since = std::max(0.0, std::chrono::duration<double>(now - trouble.since).count());
            age = std::max(age, since);
            longest[trouble.asked] = std::max(longest[trouble.asked], since);
            failing[{trouble.asked, trouble.reason}].insert(trouble.text);
        }
        addresses.add(finding->addresses.size(), {{"resource", name}});
        resource_ages.add_real(age, {{"resource", name}});
    }
    const auto labels_of = [](const Asked& one) {
        return metrics::Labels{{"asked", one.of}, {"account", one.account}, {"region", one.region}};
    };
    for (const auto& [what, texts] : failing) {
        auto labels = labels_of(what.first);
        labels.push_back({"reason", what.second});
        counts.add(texts.size(), std::move(labels));
    }
    for (const auto& [one, age] : longest)
        ages.add_real(age, labels_of(one));
    return {std::move(addresses), std::move(resource_ages), std::move(counts), std::move(ages)};
}

} // namespace bulkhead::resolve
