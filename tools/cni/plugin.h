// SPDX-License-Identifier: Apache-2.0
//
// The chained CNI plugin: ADD waits until the agent says that the pod may start, and hands on what the plugins before
// it made, as it came. For the VPC CNI's DEL needs its notes in there. Nothing is made, so nothing has to be undone:
// DEL and GC succeed whatever is the matter.
#pragma once

#include <iosfwd>

#include "cni/environment.h"
#include "cni/netconf.h"

namespace bulkhead::cni {

/// The exit status. On `out` what the specification wants there: a result or an error.
int run_plugin(const Variables& variables, std::istream& in, std::ostream& out);

} // namespace bulkhead::cni
