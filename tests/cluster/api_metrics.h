// SPDX-License-Identifier: Apache-2.0
//
// What an API server or a controller counted: its own word for what it was asked, and how.
#pragma once

#include <algorithm>
#include <sstream>

#include "cluster_fixture.h"

namespace bulkhead::test {

/// Of an exposition: the sum of a metric over the label sets that have all of `labels`.
inline double sum_in(const std::string& exposition, const std::string& name, const std::vector<std::string>& labels) {
    double sum = 0;
    std::istringstream lines(exposition);
    for (std::string line; std::getline(lines, line);) {
        const bool is_meant = (line.starts_with(name + "{") || line.starts_with(name + " ")) &&
                              std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
                                  return line.find(label) != std::string::npos;
                              });
        if (is_meant) sum += std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
}

/// Of an API server, which counts from its start on.
inline double metric(const ApiServer& server, const std::string& name, const std::vector<std::string>& labels) {
    return sum_in(kubectl(server, {"get", "--raw", "/metrics"}), name, labels);
}

} // namespace bulkhead::test
