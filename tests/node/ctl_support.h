// SPDX-License-Identifier: Apache-2.0
//
// Two pods of two tenants on a node, and what bulkheadctl prints, for tests of what it asks real agents.
#pragma once

#include "fixture.h"
#include "support/echo_server.h"

namespace bulkhead::test {

/// web of blog may reach ledger of payments on 8443, and nothing else of it.
struct TwoPods {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    Place web = net.add(kNodeA, "blog/web", 20);
    Place ledger = net.add(kNodeA, "payments/ledger-0", 21, {{"bulkhead.dev/expose", "8443"}});
    EchoServer server = require(EchoServer::start(ledger.netns, {8443, 22}));

    TwoPods();
};

/// NDJSON.
std::vector<Json> lines_of(const std::string& text);

/// Exit status and output of a line for bash, in which `bulkheadctl` is the program under test.
std::pair<int, std::string> shell(const std::string& line);

} // namespace bulkhead::test
