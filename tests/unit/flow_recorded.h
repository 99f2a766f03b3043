// SPDX-License-Identifier: Apache-2.0
//
// Recorded flows: a few minutes of an example cluster, one line of JSON each.
#pragma once

#include <string>
#include <vector>

#include "flow/record.h"

namespace bulkhead::flow {

/// Each record is known by its `packets`, which count from 1 in this order.
inline const std::vector<std::string>& recorded_flows() {
    static const std::vector<std::string>
        lines{
            // 1: a stranger is refused
            R"({"time":"2026-11-29T12:03:04.123456789Z","first":"2026-11-29T12:03:04.123456789Z","node":"node-a","direction":"ingress","verdict":"denied","reason":"not-granted","line":9,"source":{"address":"10.0.1.10","port":41812,"kind":"pod","namespace":"blog","pod":"web-7f","workload":{"kind":"Deployment","name":"web"},"tenant":"blog","level":"non-protected","labels":{"app":"web","tier":"front"}},"destination":{"address":"10.0.1.30","port":5432,"kind":"pod","namespace":"payments","pod":"ledger-0","workload":{"kind":"StatefulSet","name":"ledger"},"tenant":"payments","level":"protected","labels":{"app":"ledger"}},"protocol":"TCP","tcpFlags":["SYN"],"packets":1,"bytes":74})",
            // 2: a granted peer passes
            R"({"time":"2026-11-29T12:03:05.000000000Z","first":"2026-11-29T12:03:05.000000000Z","node":"node-a","direction":"ingress","verdict":"allowed","reason":"granted","line":8,"source":{"address":"10.0.2.11","port":50000,"kind":"pod","namespace":"shop","pod":"cart-1","workload":{"kind":"Deployment","name":"cart"},"tenant":"shop","level":"protected","labels":{"app":"cart"}},"destination":{"address":"10.0.1.30","port":5432,"kind":"pod","namespace":"payments","pod":"ledger-0","workload":{"kind":"StatefulSet","name":"ledger"},"tenant":"payments","level":"protected","labels":{"app":"ledger"}},"protocol":"TCP","tcpFlags":["SYN"],"decidedBy":"AccessGrant payments/for-shop","packets":2,"bytes":148})",
            // 3: a resource, in audit mode, over UDP, counted for a while
            R"({"time":"2026-11-29T12:03:10.000000000Z","first":"2026-11-29T12:03:06.800000000Z","node":"node-b","direction":"egress","verdict":"audit","reason":"audit","line":9,"source":{"address":"10.0.2.11","port":5353,"kind":"pod","namespace":"shop","pod":"cart-1","workload":{"kind":"Deployment","name":"cart"},"tenant":"shop","level":"protected","labels":{"app":"cart"}},"destination":{"address":"10.9.0.5","port":3306,"kind":"resource","resource":"aurora","tenant":"payments","level":"protected"},"protocol":"UDP","packets":3,"bytes":300})",
            // 4: the world pings in IPv6, and nobody minds
            R"({"time":"2026-11-29T12:04:00.000000000Z","first":"2026-11-29T12:04:00.000000000Z","node":"node-a","direction":"ingress","verdict":"allowed","reason":"open","line":3,"source":{"address":"2001:db8::1","kind":"world","level":"non-protected"},"destination":{"address":"fd00::10","kind":"pod","namespace":"blog","pod":"web-7f","workload":{"kind":"Deployment","name":"web"},"tenant":"blog","level":"non-protected","labels":{"app":"web","tier":"front"}},"protocol":"ICMPv6","icmp":{"type":128,"code":0},"packets":4,"bytes":416})",
            // 5: a kubelet's probe
            R"({"time":"2026-11-29T12:05:00.000000000Z","first":"2026-11-29T12:05:00.000000000Z","node":"node-a","direction":"ingress","verdict":"allowed","reason":"local-host","line":5,"source":{"address":"10.0.1.1","port":33000,"kind":"host","name":"node-a","level":"non-protected"},"destination":{"address":"10.0.1.30","port":8443,"kind":"pod","namespace":"payments","pod":"ledger-0","workload":{"kind":"StatefulSet","name":"ledger"},"tenant":"payments","level":"protected","labels":{"app":"ledger"}},"protocol":"TCP","tcpFlags":["SYN"],"packets":5,"bytes":370})",
            // 6: no IP at all
            R"({"time":"2026-11-29T12:06:00.000000000Z","first":"2026-11-29T12:06:00.000000000Z","node":"node-a","direction":"egress","verdict":"denied","reason":"ethertype","source":{"kind":"pod","namespace":"blog","pod":"web-7f","workload":{"kind":"Deployment","name":"web"},"tenant":"blog","level":"non-protected"},"destination":{"kind":"unknown","level":"non-protected"},"packets":6,"bytes":600})",
        };
    return lines;
}

inline Record recorded_flow(size_t number) {
    return parse(Json::parse(recorded_flows().at(number - 1))).value();
}

} // namespace bulkhead::flow
