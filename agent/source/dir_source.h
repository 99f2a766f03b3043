// SPDX-License-Identifier: Apache-2.0
//
// A directory as the source of truth: every *.yaml, *.yml and *.json below it, followed as they change.
// Whatever goes wrong becomes a problem, and the last good word stays in force: a file that can't be
// read, an object that is invalid, the directory itself gone. Hidden names (".x") are no source, so that
// editors' and Kubernetes' own droppings aren't read.
//
// An update costs in proportion to the files that changed. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/check.h"
#include "state/cluster.h"

namespace bulkhead::source {

class DirSource {
public:
    /// Watches `path`, which need not exist yet. Fails only if inotify itself fails.
    static Result<DirSource> create(std::string path);
    DirSource(DirSource&&) noexcept;
    DirSource& operator=(DirSource&&) noexcept;
    ~DirSource();

    int fd() const; // poll for reading

    /// Reads what is pending into `cluster`, always the same one. First call: reads everything. Errors
    /// become problems().
    void update(state::Cluster& cluster);

    /// The first complete read is done.
    bool synced() const;

    /// Files that have not been understood even once: what they say was in force under an agent before us,
    /// perhaps. Also directories that can't be looked into.
    const std::vector<std::string>& unheard() const;

    /// Call update() again by then, events or not: the directory is gone, or part of it isn't watched.
    std::optional<std::chrono::milliseconds> retry_after() const;

    const std::vector<state::Problem>& problems() const;

private:
    struct Impl;
    explicit DirSource(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace bulkhead::source
