// SPDX-License-Identifier: Apache-2.0
//
// Metrics as Prometheus reads them: families of series, made anew at each scrape from numbers that are kept
// elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "base/histogram.h"

namespace bulkhead::metrics {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using Families = std::vector<prometheus::MetricFamily>;

/// A family, series by series.
class FamilyBuilder {
public:
    FamilyBuilder(const char* name, const char* help, prometheus::MetricType type);

    FamilyBuilder& add(uint64_t value, Labels labels = {});
    FamilyBuilder& add_real(double value, Labels labels = {});

    operator prometheus::MetricFamily() && { return std::move(family_); }

private:
    prometheus::MetricFamily family_;
};

FamilyBuilder counter(const char* name, const char* help);
FamilyBuilder gauge(const char* name, const char* help);

// Of one series without labels.
prometheus::MetricFamily counter(const char* name, const char* help, uint64_t value);
prometheus::MetricFamily gauge(const char* name, const char* help, uint64_t value);
prometheus::MetricFamily counter_of_seconds(const char* name, const char* help, double seconds);
prometheus::MetricFamily gauge_of_seconds(const char* name, const char* help, double seconds);
prometheus::MetricFamily histogram(const char* name, const char* help, const Histogram& values);

/// The text format 0.0.4.
std::string text_of(const Families& families);

inline constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

} // namespace bulkhead::metrics
