// SPDX-License-Identifier: Apache-2.0
//
// The words of which a flow's line is made.
#pragma once

#include <string>

#include "flow/record.h"

namespace bulkhead::ctl {

/// "blog/web-7f:41812", "aurora:5432", "[fd00::5]:443", "10.0.0.1" without a port.
std::string end_text(const flow::End& end, bool names);

/// "non-protected blog", "protected payments", "world"
std::string side_text(const flow::End& end);

/// "TCP SYN", "UDP", "ICMPv6 echo-request"; empty where it isn't IP.
std::string packet_text(const flow::Record& record);

/// "not-granted", "granted by AccessGrant payments/for-blog"
std::string cause_text(const flow::Record& record);

/// "(non-protected blog -> protected payments)", and how many packets over which time, if it is more than one.
std::string remark_text(const flow::Record& record);

/// "DENIED"
std::string verdict_text(bh_verdict verdict);

/// "x12 in 3.2s", "x12" of one moment; empty for one packet.
std::string count_text(const flow::Record& record);

} // namespace bulkhead::ctl
