// SPDX-License-Identifier: Apache-2.0
//
// What happens to one node's agent: on a thread of its own, one deed after the other, spread over the run.
#pragma once

#include <functional>

#include "node.h"
#include "plan.h"

namespace bulkhead::soak {

class Trouble {
public:
    Trouble(Node& node, std::vector<Build> builds, const Plan& plan, Ledger& ledger);

    /// The first agent. Comes back when it answers.
    Result<> begin();
    /// Does it all, and leaves a running agent behind.
    void run();
    bool is_done() const { return done_; }
    /// So that a soak shows that it finds what it looks for: the agent goes, and takes programs and memory out of the
    /// kernel, for as long as `meanwhile` takes.
    void strip(const std::function<void()>& meanwhile);

private:
    void act(Deed deed);
    void start();
    void come_back();
    void stop_for(Seconds time);
    void starve_for(Seconds time);
    void kill(bool starting);
    void pause(Seconds least, Seconds most);
    void note(const std::string& text) { ledger_.note(std::string(node_.name()) + ": " + text); }

    Node& node_;
    const std::vector<Build> builds_;
    const Plan plan_;
    Ledger& ledger_;
    std::mt19937_64 random_;
    size_t build_ = 0;
    bool stopped_long_ = false;
    bool starved_long_ = false;
    std::atomic<bool> done_{false};
};

} // namespace bulkhead::soak
