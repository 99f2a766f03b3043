// SPDX-License-Identifier: Apache-2.0
//
// The directory in which everything is pinned, and the bpffs that it lies on. What is pinned outlives
// the agent: only detach() removes it.
//
//   maps/<name>              programs/<name>
//   maps_next/<name>         while these take the place of `maps`: former_maps.h
//   links/<ifindex>-<hook>   tcx only
//   qdiscs/<ifindex>         an empty directory: we made the clsact qdisc of that device
//   adopted                  an empty directory: conversations that are older than the maps are in them
//   mounted                  an empty directory: we mounted a bpffs here, just for this
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace bulkhead::datapath {

struct PinDir {
    std::filesystem::path root;

    std::filesystem::path maps() const { return root / "maps"; }
    std::filesystem::path next_maps() const { return root / "maps_next"; }
    std::filesystem::path programs() const { return root / "programs"; }
    std::filesystem::path links() const { return root / "links"; }
    std::filesystem::path qdiscs() const { return root / "qdiscs"; }
    std::filesystem::path adopted_mark() const { return root / "adopted"; }
    std::filesystem::path mount_mark() const { return root / "mounted"; }

    /// Absolute and without "..", so that one directory has one name.
    static Result<PinDir> named(const std::string& path);

    /// Makes the directories. Where no bpffs is mounted yet, mounts one: at /sys/fs/bpf for what lies
    /// below it, else at the directory itself.
    Result<> create() const;

    /// Removes everything, and the mount if create() made one just for this directory. Not being there
    /// is success.
    Result<> remove() const;

    /// 24 bits, never few, that tell this directory from others: in the handles of our tc filters.
    uint32_t tag() const;
};

/// Pins `fd`, taking the place of whatever was pinned there.
Result<> pin(int fd, const std::filesystem::path& path);

} // namespace bulkhead::datapath
