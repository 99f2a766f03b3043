// SPDX-License-Identifier: Apache-2.0
//
// The last version of each resource that an API server told of, in a small file that outlives the process: so that the
// first list after a restart isn't older than what was in force before, whichever of the cluster's servers answers.
// Only a help: what can't be read, is of another server or makes no sense counts as nothing known, and what can't be
// written is not.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace bulkhead::source::kube {

class KnownVersions {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Reads what is there. `path` empty: nothing is read or written.
    KnownVersions(std::string path, std::string server);

    /// Of a resource, by whatever names it among those of this server; empty = none known.
    std::string of(const std::string& resource) const;
    void note(const std::string& resource, const std::string& version);

    /// Writes what is new, at most once a second. True: there is something left, to be written by next().
    bool write(Time now);
    Time next() const { return next_; }

    /// At once, if anything is new.
    void flush();

private:
    void read();

    std::string path_;
    std::string server_;
    std::map<std::string, std::string> versions_;
    bool changed_ = false;
    Time next_{};
};

} // namespace bulkhead::source::kube
