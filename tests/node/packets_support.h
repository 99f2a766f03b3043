// SPDX-License-Identifier: Apache-2.0
//
// What tests of odd and of large packets send them to and from.
#pragma once

#include "next_packet_support.h"

namespace bulkhead::test {

inline constexpr uint16_t kOpened = 5300, kOpenedTcp = 8443; // what the protected pod exposes, by UDP and TCP
inline constexpr uint16_t kShut = 5301, kShutTcp = 8444;

/// A protected pod that exposes two ports, one of nobody's that is open, and strangers near and far.
struct Fortress {
    Net net = Net::create();
    Place safe =
        net.add(kNodeA, "vault/safe", 20,
                {{"bulkhead.dev/expose", std::to_string(kOpenedTcp) + "," + std::to_string(kOpened) + "/UDP"}});
    Place open = net.add(kNodeA, "blog/open", 21);
    Place near = net.add(kNodeA, "shop/near", 30);
    Place far = net.add(kNodeB, "shop/far", 30);

    Fortress() {
        net.manifests().write("vault.yaml", protected_namespace_text("vault"));
        net.manifests().write("blog.yaml", namespace_text("blog"));
        net.manifests().write("shop.yaml", namespace_text("shop"));
    }
};

} // namespace bulkhead::test
