// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' lists of objects: "List", whose items say what they are, and "PodList" and the like, whose
// items may leave it out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "source/reader.h"

namespace bulkhead::source {

/// What the items of a list are unless they say otherwise; empty = they must.
struct ListKind {
    std::string item_kind;
    std::string item_version;

    /// Nothing if `kind` is no list.
    static std::optional<ListKind> of(std::string_view kind, std::string_view api_version);

    void complete(Value& item) const;
};

/// Hands `document` to `sink`, or its items if it is a list.
void deliver(Value document, const Sink& sink);

} // namespace bulkhead::source
