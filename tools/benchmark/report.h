// SPDX-License-Identifier: Apache-2.0
//
// What was measured: a table for people, JSON for whoever compares runs.
#pragma once

#include <string>
#include <vector>

#include "measure.h"
#include "verifier.h"

namespace bulkhead::bench {

struct Row {
    Situation situation;
    uint8_t family = 0;
    Measurement measurement;

    bool met() const { return situation.bound == kUnbounded || measurement.ratio <= situation.bound; }
};

struct Report {
    Scale scale;
    std::vector<Row> rows;
};

/// `rows` come in pairs: IPv4, then IPv6.
void print(const Report& report);

void print(const std::vector<Variant>& variants);

Result<> write_json(const std::vector<Variant>& variants, const std::vector<Report>& reports, const std::string& path);

size_t missed(const std::vector<Report>& reports);

} // namespace bulkhead::bench
