// SPDX-License-Identifier: Apache-2.0
//
// inotify on the directories of a tree: which files may have changed, or that somebody should look at
// everything again (a directory came or went, or the kernel's queue overflowed).
#pragma once

#include <sys/inotify.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead::source {

struct Pending {
    bool rescan = false;
    std::set<std::string> files;   // sources that may have changed, by name below the root
    std::set<std::string> created; // new entries that only matter if they are links: the rest is not written yet
};

class Watcher {
public:
    static Result<Watcher> create();

    int fd() const { return fd_.get(); }

    /// Watches the directory at `path`, whose entries are told as `name`/ENTRY; or a single file, which is
    /// told as a rescan. What isn't added again between begin_scan() and end_scan() is forgotten.
    Result<> add(const std::string& path, const std::string& name);
    void begin_scan() { seen_.clear(); }
    void end_scan();

    /// What happened since the last call; never waits.
    Pending drain();

private:
    explicit Watcher(Fd fd) : fd_(std::move(fd)) {}

    void take(const struct inotify_event& event, Pending& pending) const;

    Fd fd_;
    std::map<int, std::string> names_; // by watch descriptor
    std::set<int> seen_;
};

/// "a" / "b.yaml"; an empty directory name is the root.
std::string join(const std::string& directory, const std::string& name);

} // namespace bulkhead::source
