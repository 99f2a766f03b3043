// SPDX-License-Identifier: Apache-2.0
//
// What tests of lies stand on: a protected pod that has conversations, and strangers who would like to be taken for
// somebody else.
#pragma once

#include "metrics_support.h"
#include "next_packet_support.h"

namespace bulkhead::test {

/// A protected pod, a neighbour of its tenant, somebody open that it talks to, and liars near and far.
struct Court {
    Net net = Net::create();
    Place safe = net.add(kNodeA, "vault/safe", 20);
    Place kin = net.add(kNodeA, "vault/kin", 21);
    Place peer = net.add(kNodeB, "news/peer", 22);
    Place near = net.add(kNodeA, "blog/near", 30);
    Place far = net.add(kNodeB, "blog/far", 30);

    Court();
    std::vector<const Place*> liars() const { return {&near, &far}; }
    AgentProcess agent(const std::string& node, const std::string& attach) const;

    /// A pod's own node refuses each of these frames for `reason`: nobody else gets to see them.
    void check_refused_where_sent(const Place& from, const std::vector<Packet>& frames,
                                  const std::string& reason) const;
    /// The node of the protected pod refuses as many more packets for `reason` as `send` sends there.
    void check_refused_where_it_went(size_t packets, const std::string& reason,
                                     const std::function<void()>& send) const;
};

/// A frame's beginning: from `sender`'s interface, but in `from`'s name.
Packet between(const FrameSender& sender, const Place& from, const Place& to, uint8_t family);

Bytes bytes_of(const std::string& marker);

} // namespace bulkhead::test
