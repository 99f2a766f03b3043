// SPDX-License-Identifier: Apache-2.0
//
// Of which labels this node's slices tell. A new key is in every slice of the cluster, and every node hears each of
// them: so nodes take one up at different times, none takes up another soon after, and one that no selector names any
// more stays for a while. Whoever may write an AccessGrant can ask for keys.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

namespace bulkhead::publish {

class ToldKeys {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Keys = std::set<std::string>;

    /// `place` of this node among all, from 0 to 1: by chance.
    explicit ToldKeys(double place) : place_(place) {}

    /// What the selectors name now, in a cluster of so many nodes. True if keys() are others than before. The first
    /// time they are taken as they are.
    bool update(const Keys& named, size_t nodes, Time now);

    const Keys& keys() const { return keys_; }

    /// Call update() again by then.
    std::optional<Time> due() const { return due_; }

private:
    bool take(const Keys& named, Time now);

    double place_;
    Keys keys_;
    bool taken_ = false;
    Time last_{};
    std::optional<Time> asked_; // since when there has been a new one
    std::optional<Time> due_;
};

} // namespace bulkhead::publish
