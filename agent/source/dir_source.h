// SPDX-License-Identifier: Apache-2.0
//
// A directory as the source of truth: every *.yaml, *.yml and *.json below it, followed as they change. A
// file that can't be read, an object that is invalid, the directory itself gone: each is a problem. Hidden
// names (".x") are no source, so that editors' and Kubernetes' own droppings aren't read.
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
#include "source/source.h"
#include "state/cluster.h"

namespace bulkhead::source {

class DirSource : public Source {
public:
    /// Watches `path`, which need not exist yet. Fails only if inotify itself fails.
    static Result<DirSource> create(std::string path);
    DirSource(DirSource&&) noexcept;
    DirSource& operator=(DirSource&&) noexcept;
    ~DirSource() override;

    int fd() const override;

    /// The first call reads everything.
    void update(state::Cluster& cluster) override;

    bool synced() const override;

    /// Files; also directories that can't be looked into.
    const std::vector<std::string>& unheard() const override;

    /// While the directory is gone, or part of it isn't watched.
    std::optional<std::chrono::milliseconds> retry_after() const override;

    const std::vector<state::Problem>& problems() const override;

    Hearing hearing() const override; // an event is a file that was read

private:
    struct Impl;
    explicit DirSource(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace bulkhead::source
