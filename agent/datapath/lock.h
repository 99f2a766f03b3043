// SPDX-License-Identifier: Apache-2.0
//
// One agent per pin directory: a flock on /run/bulkhead/<hash of the name>.lock, so that the kernel lets
// go of it whenever and however its holder ends. The file tells who holds it.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead::datapath {

class Lock {
public:
    /// Refuses at once, with the holder's pid, when somebody else has it.
    static Result<Lock> take(const std::string& name);
    /// Waits for it: only for what takes milliseconds.
    static Result<Lock> wait(const std::string& name);

    /// The pid of one of those who hold any lock on this node; nothing if nobody does.
    static std::optional<std::string> holder_of_any();
    /// Removes whatever holders of locks left behind. When nobody holds one.
    static void remove_all();

    /// Removes the file as well, versions_file() and the others below. For detach.
    void remove();

private:
    Lock(Fd fd, std::string name, std::string path)
        : fd_(std::move(fd)), name_(std::move(name)), path_(std::move(path)) {}
    static Result<Lock> acquire(const std::string& name, int operation);

    Fd fd_;
    std::string name_;
    std::string path_;
};

/// Where the agent of that name keeps the overrides that it was told; as long as versions_file().
std::string overrides_file(const std::string& name);

/// Where the agent of that name keeps which pods had an interface here; as long as versions_file().
std::string wired_file(const std::string& name);

/// Where the agent of that name keeps the addresses that it found for AWSResources; as long as versions_file().
std::string found_file(const std::string& name);

/// Where the agent of that name keeps how far its source has told: beside the lock, and like it until detach or the
/// node's next start.
std::string versions_file(const std::string& name);

} // namespace bulkhead::datapath
