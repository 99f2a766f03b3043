// SPDX-License-Identifier: Apache-2.0
//
// A pod's sandbox at the CNI gate: the real bulkhead-cni, run as a container runtime runs the last of its plugins, in
// the node's namespace and with what the VPC CNI hands on. ADD goes on by itself until somebody asks how it ended.
#pragma once

#include <nlohmann/json.hpp>

#include "pod.h"
#include "support/process.h"

namespace bulkhead::soak {

struct Gate {
    std::string net; // podnet's
    std::array<std::string, kNodes> sockets;
    bool ajar = false; // sabotage: all namespaces are exempt
};

std::string netns_of(const Gate& gate, const Pod& pod);

/// Of a pod, as it was wired.
struct Wire {
    std::string id; // the runtime's, of the sandbox
    std::string veth;
};

class Sandbox {
public:
    enum class Answer { kNone, kOpen, kShut, kWrong };

    /// Begins ADD. A try takes `timeout`.
    static Result<Sandbox> add(const Gate& gate, const Pod& pod, const Wire& wire, std::chrono::seconds timeout);

    /// Of ADD; kWrong: neither what the plugins before printed, nor "try again later" and why.
    Answer answer();
    Time begun() const { return begun_; }
    std::string words() const { return add_.output(); }

    /// DEL: has to succeed whatever is the matter, and to say nothing. ADD is over by that.
    Result<> remove();

private:
    struct Call {
        test::Netns node;
        nlohmann::json conf;
        std::vector<std::string> variables;
    };

    Sandbox(Call call, test::Process add) : call_(std::move(call)), add_(std::move(add)) {}
    static Result<test::Process> run(const Call& call, const std::string& command);

    Call call_;
    test::Process add_;
    Time begun_ = Clock::now();
};

} // namespace bulkhead::soak
