// SPDX-License-Identifier: Apache-2.0
//
// A cluster as a directory of manifests, for the agent under test: namespaces with tenants and levels, pods of
// other nodes in files of a thousand, and one pod in a file of its own, whose address changes.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/address.h"

namespace bulkhead::bench {

class Directory {
public:
    /// Writes everything. The directory exists and is empty.
    static Result<Directory> write(const std::filesystem::path& path, uint32_t pods);

    /// Replaces the file of the one pod by rename.
    Result<> move_the_pod(const Address& address) const;

    /// Another level for one namespace: everything is worked out anew.
    Result<> flip_a_namespace(bool is_protected) const;

    static Address address_of(uint32_t pod);

private:
    Result<> replace(const char* file, const std::string& content) const;

    explicit Directory(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

} // namespace bulkhead::bench
