// SPDX-License-Identifier: Apache-2.0
//
// A directory that goes with its handle, and whatever is mounted in it.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace bulkhead::bench {

class WorkPlace {
public:
    static Result<WorkPlace> create();
    WorkPlace(WorkPlace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    ~WorkPlace();

    std::filesystem::path bpffs() const { return path("bpf"); }
    std::filesystem::path path(const char* name) const; // a directory in it

private:
    explicit WorkPlace(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

} // namespace bulkhead::bench
