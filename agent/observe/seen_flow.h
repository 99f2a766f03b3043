// SPDX-License-Identifier: Apache-2.0
//
// A flow as the agent keeps it: the programs' event, and the names that its ends had when it came. Names are shared
// between flows and never change, so that a flow costs little to keep, and can be read by any thread; the record that
// people get is made when somebody asks.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "bulkhead/abi.h"
#include "flow/edges.h"
#include "flow/record.h"

namespace bulkhead::observe {

/// All of an end but its address and port.
using EndName = std::shared_ptr<const flow::End>;

struct SeenFlow {
    bh_event event{}; // its times are in ns since the epoch
    EndName source;
    EndName destination;
    std::shared_ptr<const std::string> origin; // of the line that decided; null = no object did
};

flow::Record record_of(const SeenFlow& seen, const std::string& node);

/// The edge that it counts for.
std::pair<flow::EdgeKey, flow::Sighting> edge_of(const SeenFlow& seen);

} // namespace bulkhead::observe
