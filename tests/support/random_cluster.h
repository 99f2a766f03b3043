// SPDX-License-Identifier: Apache-2.0
//
// Random clusters and questions about them, for comparing the oracle, bh_verdict() and the loaded
// programs. A seed names a cluster for good. The ranges are small on purpose, so that things collide:
// few labels, few ports, CIDRs nested in each other and over pods and nodes.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/oracle.h"

namespace bulkhead::test {

/// The same throws from the same seed with every standard library.
class Dice {
public:
    explicit Dice(uint64_t seed) : engine_(seed) {}

    size_t below(size_t limit) { return static_cast<size_t>(engine_() % limit); }
    size_t between(size_t first, size_t last) { return first + below(last - first + 1); }
    bool percent(size_t chance) { return below(100) < chance; }

    template <typename T>
    const T& pick(const std::vector<T>& from) {
        return from[below(from.size())];
    }

private:
    std::mt19937_64 engine_;
};

struct RandomCluster {
    uint64_t seed = 0;
    std::vector<state::Object> objects;
    OracleSettings settings;
    state::Time now; // `until` lies at, an hour before or an hour after it
};

/// Two nodes (node-a, node-b), 2 to 12 namespaces besides kube-system, every pod with an address of
/// either family.
RandomCluster random_cluster(uint64_t seed);

/// Questions that some hook judges: a pod is at one end at least, and at the source if the destination
/// isn't one. Pods and nodes are named, all else is an address.
std::vector<Question> random_questions(const RandomCluster& cluster, size_t count, uint64_t seed);

} // namespace bulkhead::test
