// SPDX-License-Identifier: Apache-2.0
//
// Base64 with padding (RFC 4648 section 4), as kubeconfigs and HTTP's basic authentication have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::source::kube {

std::string to_base64(std::string_view bytes);

/// Nothing if it isn't base64. Line ends are passed over, as client-go does.
std::optional<std::string> from_base64(std::string_view text);

} // namespace bulkhead::source::kube
