// SPDX-License-Identifier: Apache-2.0
//
// One agent per pin directory: a flock on /run/bulkhead/<hash of the name>.lock, so that the kernel lets
// go of it whenever and however its holder ends. The file tells who holds it.
#pragma once

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

    /// Removes the file as well. For detach.
    void remove();

private:
    Lock(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    static Result<Lock> acquire(const std::string& name, int operation);

    Fd fd_;
    std::string path_;
};

} // namespace bulkhead::datapath
