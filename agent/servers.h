// SPDX-License-Identifier: Apache-2.0
//
// The agent's HTTP faces: bulkheadctl's on a Unix socket, and Prometheus' and the kubelet's on TCP. Their
// threads ask the loop, which alone knows what there is to tell; /healthz is answered without
// it, since it tells whether the loop still turns.
#pragma once

#include <functional>
#include <memory>

#include "api/heartbeat.h"
#include "api/http_server.h"
#include "base/loop.h"

namespace bulkhead {

class Agent;

/// `/v1/...`; the agent is asked for on the loop's thread.
api::Handler control_handler(Loop& loop, std::function<Agent*()> agent);

/// `/metrics`, `/healthz`, `/readyz`.
api::Handler metrics_handler(Loop& loop, std::function<Agent*()> agent, const api::Heartbeat& heartbeat);

} // namespace bulkhead
