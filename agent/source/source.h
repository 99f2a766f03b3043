// SPDX-License-Identifier: Apache-2.0
//
// Where the agent learns what the cluster says: a directory of YAML, or an API server. Whatever goes wrong
// becomes a problem, and the last good word stays in force.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "state/cluster.h"

namespace bulkhead::source {

/// How well the source is heard.
struct Hearing {
    /// Since when what is known may be out of date; nothing = it isn't.
    std::optional<std::chrono::steady_clock::time_point> stale_since;
    uint64_t events = 0;   // told one by one
    uint64_t lists = 0;    // told as a whole, of one kind of objects or one directory
    uint64_t failures = 0; // to ask or to read
};

class Source {
public:
    virtual ~Source() = default;

    virtual int fd() const = 0; // poll for reading

    /// Takes what is pending into `cluster`, always the same one; never waits. Errors become problems().
    virtual void update(state::Cluster& cluster) = 0;

    /// Everything was told once.
    virtual bool synced() const = 0;

    /// What has not been understood even once: what it says was in force under an agent before us, perhaps.
    virtual const std::vector<std::string>& unheard() const = 0;

    /// Call update() again by then, news or not.
    virtual std::optional<std::chrono::milliseconds> retry_after() const = 0;

    virtual const std::vector<state::Problem>& problems() const = 0;

    virtual Hearing hearing() const = 0;
};

} // namespace bulkhead::source
