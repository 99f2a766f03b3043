// SPDX-License-Identifier: Apache-2.0
//
// A file's bytes, if they are text of a size that we want in memory. Never blocks, whatever the path turns
// out to be.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace bulkhead::source {

inline constexpr size_t kLargestFile = 32 << 20; // bytes

/// What tells two contents of one path apart without reading them.
struct Signature {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t size = 0;
    int64_t modified = 0; // ns, of the file's clock
    int64_t changed = 0;
    auto operator<=>(const Signature&) const = default;

    static Signature of(const struct stat& status);
};

struct TextFile {
    std::string text; // followed by kJsonPadding bytes of capacity
    Signature signature;
};

/// Fails on anything but a readable regular file of UTF-8 without NUL bytes, up to kLargestFile.
Result<TextFile> read_text_file(const std::string& path);

} // namespace bulkhead::source
