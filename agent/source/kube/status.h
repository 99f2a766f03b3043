// SPDX-License-Identifier: Apache-2.0
//
// What the API server says when it refuses: a v1 Status, in a response or in the midst of a watch.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "source/document.h"
#include "source/kube/http_client.h"

namespace bulkhead::source::kube {

struct Status {
    int64_t code = 0;     // as of HTTP
    std::string reason{}; // "Expired", "Forbidden"; or empty
    std::string message{};
    std::optional<std::chrono::seconds> retry_after{};
    bool too_large_version = false; // the server hasn't reached the version that we asked for
    bool namespace_ends = false;    // it is being deleted, and takes nothing new
};

/// Fields that are missing, or not what they should be, are left empty.
Status read_status(const Value& document);

/// Of a response that isn't 200; also where its body is something else (a proxy's page).
Status status_of(const Response& response);

} // namespace bulkhead::source::kube
