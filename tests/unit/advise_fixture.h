// SPDX-License-Identifier: Apache-2.0
//
// Parties and edges in few words, for tests of advise/.
#pragma once

#include "advise/advice.h"
#include "advise/supposition.h"
#include "compile_world.h"
#include "source/check.h"
#include "source_fixture.h"

namespace bulkhead::test {

inline constexpr flow::Time kSeen{std::chrono::seconds(1'800'000'000)};

inline flow::Party pods_of(const std::string& ns, const std::string& workload = "") {
    return {.kind = flow::Kind::kPod, .ns = ns, .workload = workload, .name = {}};
}

inline flow::Party something(flow::Kind kind, const std::string& name = "") {
    return {.kind = kind, .ns = {}, .workload = {}, .name = name};
}

inline flow::EdgeKey edge(flow::Party source, flow::Party destination, uint16_t port, uint8_t protocol = BH_TCP,
                          bh_verdict verdict = BH_VERDICT_DENY) {
    return {.source = std::move(source),
            .destination = std::move(destination),
            .protocol = protocol,
            .port = port,
            .verdict = verdict};
}

inline flow::Sighting seen(uint64_t count = 1, bh_reason reason = BH_REASON_NOT_GRANTED) {
    return {.count = count,
            .first = kSeen,
            .last = kSeen,
            .reason = reason,
            .source_tenant = {},
            .destination_tenant = {},
            .destination_protected = true};
}

inline advise::Refusal refusal(flow::EdgeKey key, flow::Sighting sighting = seen()) {
    return {.edge = std::move(key), .seen = std::move(sighting), .source_labels = {}, .destination_labels = {}};
}

/// As whoever applies it reads it; what is wrong with it fails the test.
inline std::vector<state::Object> objects_of(const std::string& yaml) {
    const source::TemporaryDirectory directory;
    directory.write("advice.yaml", yaml);
    std::vector<state::Problem> problems;
    auto objects = source::read_all({directory.path().string()}, problems);
    INFO(source::all_of(problems) << yaml);
    CHECK(problems.empty());
    return objects;
}

} // namespace bulkhead::test
