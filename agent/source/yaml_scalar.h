// SPDX-License-Identifier: Apache-2.0
//
// What a plain (unquoted) YAML scalar means: YAML 1.1 as Kubernetes' own tools read it, so that `8443` is
// a number, `true` and `on` are booleans, and `010` is eight. Everything else is the string it looks like.
#pragma once

#include <string>

#include "source/document.h"

namespace bulkhead::source {

Value resolve_plain(const std::string& text, uint32_t line);

} // namespace bulkhead::source
