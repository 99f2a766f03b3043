// SPDX-License-Identifier: Apache-2.0
//
// What happened during one write: for the log, `bulkheadctl status` and the decision to try again.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace bulkhead::datapath {

/// A row that the kernel did not take. The writer remembers it and tries again with the next write.
struct WriteFailure {
    std::string map;
    std::string key; // for people
    int code = 0;    // errno; E2BIG or ENOSPC = the map is full

    std::string text() const {
        const bool full = code == E2BIG || code == ENOSPC;
        return "write " + key + " to map " + map + ": " + (full ? "the map is full" : std::strerror(code));
    }
};

struct WriteReport {
    size_t puts = 0;
    size_t removals = 0;
    size_t failed = 0;
    std::vector<WriteFailure> failures; // the first few of them
    std::map<std::string, size_t> failed_by_map;
    size_t stale = 0;             // of those that failed: an older row is still in its place
    bool outside_is_shut = false; // what is outside the cluster is granted was held back: see writer.h

    bool in_sync() const { return failed == 0 && !outside_is_shut; }

    void add(WriteFailure failure) {
        constexpr size_t kTold = 16;
        failed_by_map[failure.map]++;
        if (failed++ < kTold) failures.push_back(std::move(failure));
    }

    void add_stale(WriteFailure failure) {
        stale++;
        add(std::move(failure));
    }
};

} // namespace bulkhead::datapath
