// SPDX-License-Identifier: Apache-2.0
//
// Matrices for people (80 columns) and for programs (JSON). Pure functions.
#pragma once

#include <string>

#include "matrix/summary.h"

namespace bulkhead::matrix {

/// Who is who, with the numbers that the matrix' columns bear.
std::string places_text(const Scene& scene);

/// The grid, what its symbols mean, and what is not as expected.
std::string summary_text(const Scene& scene, const Summary& summary, bool color);

std::string summary_json(const Scene& scene, const Summary& summary, const std::vector<Cell>& cells);

} // namespace bulkhead::matrix
