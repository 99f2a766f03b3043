// SPDX-License-Identifier: Apache-2.0
//
// The connectivity matrix: every place to every place on every port, in both families, as expected and as
// real sockets find it. Starts an echo server in every namespace of the scene, and ends them again.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "matrix/expectation.h"
#include "matrix/prober.h"

namespace bulkhead::matrix {

struct Cell {
    Route route;
    Expected expected;
    Outcome observed = Outcome::kSilent;

    bool is_open() const { return observed == Outcome::kAnswered; }
    /// Denied means silence: a refusal would say that somebody is there.
    bool differs() const { return observed != (expected.open ? Outcome::kAnswered : Outcome::kSilent); }
};

struct Plan {
    std::set<uint8_t> families{BH_IPV4, BH_IPV6};
    std::chrono::milliseconds patience{5000};       // with what should answer, however busy the machine
    std::chrono::milliseconds denied_patience{400}; // with what shouldn't
};

/// The cells point into `scene`, which must outlive them. In the order of the places: by source, then
/// destination.
Result<std::vector<Cell>> measure(const Scene& scene, const Expectation& expectation, const Plan& plan = {});

} // namespace bulkhead::matrix
