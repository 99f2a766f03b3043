// SPDX-License-Identifier: Apache-2.0
//
// DST[:PORT[/PROTOCOL]] as people type it: "payments/api-0:8443", "10.0.0.1:53/udp", "[fd00::1]:443",
// "aurora:5432", "blog/web-1:icmp".
#pragma once

#include <string>

#include "base/result.h"

namespace bulkhead::ctl {

struct Target {
    std::string name;     // ns/pod, an AWS resource or an address
    std::string port;     // empty = none was given
    std::string protocol; // empty = none was given
};

Result<Target> parse_target(const std::string& text);

} // namespace bulkhead::ctl
