// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>

namespace bulkhead::metrics {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

FamilyBuilder::FamilyBuilder(const char* name, const char* help, MetricType type) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
}

FamilyBuilder& FamilyBuilder::add(uint64_t value, Labels labels) {
    return add_real(static_cast<double>(value), std::move(labels));
}

FamilyBuilder& FamilyBuilder::add_real(double value, Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (family_.type == MetricType::Counter)
        metric.counter.value = value;
    else
        metric.gauge.value = value;
    family_.metric.push_back(std::move(metric));
    return *this;
}

FamilyBuilder counter(const char* name, const char* help) {
    return {name, help, MetricType::Counter};
}

FamilyBuilder gauge(const char* name, const char* help) {
    return {name, help, MetricType::Gauge};
}

MetricFamily counter(const char* name, const char* help, uint64_t value) {
    return std::move(counter(name, help).add(value));
}

MetricFamily gauge(const char* name, const char* help, uint64_t value) {
    return std::move(gauge(name, help).add(value));
}

MetricFamily counter_of_seconds(const char* name, const char* help, double seconds) {
    return std::move(counter(name, help).add_real(seconds));
}

MetricFamily gauge_of_seconds(const char* name, const char* help, double seconds) {
    return std::move(gauge(name, help).add_real(seconds));
}

MetricFamily histogram(const char* name, const char* help, const Histogram& values) {
    ClientMetric metric;
    uint64_t below = 0;
    for (size_t i = 0; i < values.counts().size(); ++i) {
        below += values.counts()[i];
        const double limit =
            i < Histogram::kLimits.size() ? Histogram::kLimits[i] : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({.cumulative_count = below, .upper_bound = limit});
    }
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum = values.sum();
    MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = MetricType::Histogram;
    family.metric.push_back(std::move(metric));
    return family;
}

std::string text_of(const Families& families) {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return out.str();
}

} // namespace bulkhead::metrics
