// SPDX-License-Identifier: Apache-2.0
//
// The agent's HTTP faces: bulkheadctl's on a Unix socket, and Prometheus' and the kubelet's on TCP. Their
// threads hand every question to the loop, which alone knows the answer; /healthz is answered without
// it, since it tells whether the loop still turns.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "api/http_server.h"
#include "base/loop.h"

namespace bulkhead {

class Agent;

/// When the loop turned last. Written by the loop, read by any thread.
class Heartbeat {
public:
    void beat() { last_ = now(); }
    bool is_fresh() const { return now() - last_.load() < kPatience; }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::nanoseconds kPatience = std::chrono::seconds(10);
    static std::chrono::nanoseconds now() { return Clock::now().time_since_epoch(); }
    std::atomic<std::chrono::nanoseconds> last_{now()};
};

/// `/v1/...`; the agent is asked for on the loop's thread.
api::Handler control_handler(Loop& loop, std::function<Agent*()> agent);

/// `/metrics`, `/healthz`, `/readyz`.
api::Handler metrics_handler(Loop& loop, std::function<Agent*()> agent, const Heartbeat& heartbeat);

} // namespace bulkhead
