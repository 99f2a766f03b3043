// SPDX-License-Identifier: Apache-2.0
//
// What following names looks like to Prometheus; docs/dns.md says what each means.
#pragma once

#include "base/metrics.h"
#include "dns/follower.h"

namespace bulkhead::dns {

metrics::Families metrics_of(const Follower& follower, Time now);

} // namespace bulkhead::dns
