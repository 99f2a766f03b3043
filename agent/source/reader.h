// SPDX-License-Identifier: Apache-2.0
//
// Text -> documents, one at a time: a reader hands each Kubernetes object to `sink` as soon as it is
// complete and keeps nothing, so a List of thousands of pods never stands in memory as a tree. A List
// (also PodList and the like) arrives as its items. Whoever wrote the text may be hostile: depth, size
// and what aliases unfold to are bounded, and nothing here throws.
//
// An error means that the text as a whole is not what its name says; documents that went to `sink` before
// must then be dropped.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "source/document.h"

namespace bulkhead::source {

inline constexpr size_t kDeepest = 200;          // levels of nesting
inline constexpr size_t kMostValues = 1'000'000; // of one document, unfolded; 64 bytes of text count as one

struct ReadError {
    uint32_t line = 0; // 1-based, 0 = unknown
    std::string text;
};

using ReadResult = tl::expected<void, ReadError>;
using Sink = std::function<void(Value document)>;

/// YAML 1.1, any number of documents; empty ones are left out.
ReadResult read_yaml(std::string_view text, const Sink& sink);

/// One JSON value. `text` must be followed by kJsonPadding readable bytes.
ReadResult read_json(std::string_view text, const Sink& sink);
inline constexpr size_t kJsonPadding = 64;

/// Of a JSON text that read_json() can't take, what may still tell whose it is: two levels of nesting, so its
/// metadata.name, or that of a watch event's object; what is deeper, or no value that we know, is null.
ReadResult read_json_surface(std::string_view text, const Sink& sink);

} // namespace bulkhead::source
