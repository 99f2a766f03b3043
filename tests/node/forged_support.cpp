// SPDX-License-Identifier: Apache-2.0
#include "forged_support.h"

namespace bulkhead::test {

namespace {

/// `node` refuses exactly this many more packets for `reason`, because of `send`.
void check_refused(const Place& node, const std::string& direction, const std::string& reason, size_t packets,
                   const std::function<void()>& send) {
    const double before = refused(node, direction, reason);
    send();
    double more = 0;
    const auto all = [&] {
        more = refused(node, direction, reason) - before;
        return more >= static_cast<double>(packets);
    };
    (void)wait_until(all, after(10s), 20ms);
    INFO(direction << " of " << node.name << ", " << reason);
    CHECK(more == static_cast<double>(packets));
}

} // namespace

Court::Court() {
    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    net.manifests().write("news.yaml", namespace_text("news"));
    net.manifests().write("blog.yaml", namespace_text("blog"));
}

AgentProcess Court::agent(const std::string& node, const std::string& attach) const {
    return AgentProcess::start(net, net.node(node), {.attach = attach, .metrics_address = kMetricsAddress});
}

void Court::check_refused_where_sent(const Place& from, const std::vector<Packet>& frames,
                                     const std::string& reason) const {
    const FrameSender sender(from);
    check_refused(net.node(from.node), "egress", reason, frames.size(), [&] {
        for (const Packet& frame : frames)
            sender.send(frame.bytes());
    });
}

void Court::check_refused_where_it_went(size_t packets, const std::string& reason,
                                        const std::function<void()>& send) const {
    check_refused(net.node(safe.node), "ingress", reason, packets, send);
}

Packet between(const FrameSender& sender, const Place& from, const Place& to, uint8_t family) {
    return sender.frame().ip(from.address(family).text(), to.address(family).text());
}

Bytes bytes_of(const std::string& marker) {
    return {marker.begin(), marker.end()};
}

} // namespace bulkhead::test
