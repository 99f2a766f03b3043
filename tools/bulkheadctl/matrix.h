// SPDX-License-Identifier: Apache-2.0
//
// `bulkheadctl matrix`: tenant by tenant, and how hot it is where something is refused; for spreadsheets too. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "bulkheadctl/table.h"

namespace bulkhead::ctl {

/// `colour`: what was seen is painted by what became of it, and what was refused the hotter the more it is, beside what
/// is refused most.
std::string matrix_text(const nlohmann::ordered_json& matrix, Width width, bool colour);

/// RFC 4180, with a header: source,destination,says,ports,allowed,audit,denied.
std::string matrix_csv(const nlohmann::ordered_json& matrix);

} // namespace bulkhead::ctl
