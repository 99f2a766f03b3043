// SPDX-License-Identifier: Apache-2.0
//
// What an agent's rule says of packets, from what a real API server has. Without a kernel.
#pragma once

#include <string>

#include "compile/compiler.h"
#include "compile/gather.h"
#include "controller_process.h"
#include "kube_view.h"

namespace bulkhead::test {

/// A pod of the agent's node with that address, which has the label app=NAME.
inline void run_at(const ApiServer& server, const std::string& ns, const std::string& name,
                   const std::string& address) {
    run_pod(server, ns, name, kNode, "{app: " + name + "}",
            {{"phase", "Running"}, {"podIP", address}, {"podIPs", {{{"ip", address}}}}});
}

class JudgingAgent {
public:
    explicit JudgingAgent(const ApiServer& server) : view_(server.kubeconfig()), compiler_(settings(), {}) {
        view_.wait_synced();
    }

    bool comes_to(bh_reason expected, const std::string& source, const std::string& destination, uint16_t port) {
        view_.wait(source + " to " + destination, [&] { return ask(source, destination, port) == expected; });
        return true;
    }

    /// By TCP.
    bh_reason ask(const std::string& source, const std::string& destination, uint16_t port) {
        auto& cluster = view_.cluster();
        if (cluster.dirty()) compiler_.update(cluster, cluster.take_changes());
        if (compiler_.is_halfway()) compiler_.update(cluster, {});
        compile::Packet packet;
        packet.src = *Address::parse(source);
        packet.dst = *Address::parse(destination);
        packet.port = port;
        packet.protocol = BH_TCP;
        return compile::judge(compiler_.desired(), packet);
    }

private:
    static compile::Settings settings() {
        compile::Settings settings;
        settings.node_name = kNode;
        return settings;
    }

    View view_;
    compile::Compiler compiler_;
};

} // namespace bulkhead::test
