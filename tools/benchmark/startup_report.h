// SPDX-License-Identifier: Apache-2.0
//
// What the race at a pod's start came to: of each pod, and of a thousand.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "startup.h"

namespace bulkhead::bench {

struct StartupVariant {
    const char* attach = "auto";
    bool known = true; // its Pod object, before its veth is there
    bool gate = false; // its process starts once the agent says that it is guarded
};

/// Of one pod, once all is over.
struct PodStart {
    bench_veth veth{};
    uint64_t started = 0; // its process, or without the gate: CNI ADD is done, before which there can't be any
    bench_passed to_pod{}, from_pod{};

    bool guarded() const { return veth.filters[0] != 0 && veth.filters[1] != 0; }
    bool relieved() const { return veth.relieved[0] != 0 && veth.relieved[1] != 0; }
};

struct StartupRow {
    StartupVariant variant;
    std::vector<PodStart> pods;
    double datagrams_per_second = 0;

    bool met() const;
};

void print(const StartupRow& row);
nlohmann::json to_json(const StartupRow& row);

} // namespace bulkhead::bench
