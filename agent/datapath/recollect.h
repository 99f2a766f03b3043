// SPDX-License-Identifier: Apache-2.0
//
// Reads pods' flow memories bit by bit, by a program that knows them: what is told is whole, and alive or at least
// still believed. The packets of the moment go on writing meanwhile, so a conversation that moves may be told twice or
// not.
#pragma once

#include <vector>

#include "base/result.h"
#include "bulkhead/recollection.h"
#include "datapath/maps.h"

namespace bulkhead::datapath {

struct Recollections {
    std::vector<bh_recollection> conversations;
    uint32_t next = 0;       // set to go on with; 0 = that was all
    uint32_t generation = 0; // of the pod; 0 = there is none
};

/// Of the pod in `slot`, from that set on: some sets at once, in microseconds.
Result<Recollections> recollect(const Programs& programs, uint16_t slot, uint32_t set);

} // namespace bulkhead::datapath
