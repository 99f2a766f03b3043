// SPDX-License-Identifier: Apache-2.0
//
// One situation in one scene: set up, seen to be judged as it should be, then timed in turn with the floor
// and with nothing, on the same packets. Of each the minimum of the blocks' medians counts: the machine
// can only ever add to what a program costs.
#pragma once

#include <optional>

#include "connections.h"
#include "flow_tables.h"
#include "programs.h"
#include "situations.h"
#include "stage.h"

namespace bulkhead::bench {

struct Effort {
    uint32_t blocks = 3;
    uint32_t passes = 5;                // per block
    uint32_t packets_per_pass = 262144; // where packets may come twice
};

struct Measurement {
    double ns = 0; // for one packet, what it takes to enter a program included
    double floor_ns = 0;
    double nothing_ns = 0;
    double ratio = 0; // of passes taken one right after the other: a neighbour on the machine slows both
};

class Measure {
public:
    Measure(const UnderTest& under_test, const Scene& scene, const FlowTables& tables, Stage& stage, Effort effort)
        : under_test_(under_test), scene_(scene), tables_(tables), stage_(stage), effort_(effort) {}

    Result<Measurement> measure(const Situation& situation, uint8_t family);

private:
    struct Case;
    Result<> prepare(const Case& now);
    Result<> prepare_tables(const Case& now);
    Result<> prepare_sockets(const Case& now);
    Result<> remember(const Case& now, Hook hook, uint8_t tcp_flags);
    Result<> check(const Case& now);
    Result<> renew(const Case& now);
    Result<> warm_up(const Case& now);
    Result<> check_entries(const Case& now, uint64_t before) const;
    Result<double> time_program(const Case& now);
    Result<Measurement> time_block(const Case& now);
    Result<uint64_t> entries_written() const;

    const UnderTest& under_test_;
    const Scene& scene_;
    const FlowTables& tables_;
    Stage& stage_;
    Effort effort_;
    std::optional<Connections> connections_;
    uint32_t generation_ = 1;
};

} // namespace bulkhead::bench
