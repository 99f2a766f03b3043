// SPDX-License-Identifier: Apache-2.0
//
// Figures as Prometheus metrics, rendered at scrape time. Names follow Prometheus' conventions; no label
// has more values than this code has words, but for `map`, and tenants and pods, which have limits.
#pragma once

#include <string>

#include <prometheus/collectable.h>

#include "observe/figures.h"

namespace bulkhead::observe {

class Metrics final : public prometheus::Collectable {
public:
    explicit Metrics(Figures figures) : figures_(std::move(figures)) {}
    std::vector<prometheus::MetricFamily> Collect() const override;

private:
    Figures figures_;
};

/// The text format 0.0.4.
std::string render(const Figures& figures);

} // namespace bulkhead::observe
