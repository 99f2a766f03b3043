// SPDX-License-Identifier: Apache-2.0
//
// Addresses that no name may bring along, whatever DNS says. Whoever is named in an AWSResource becomes protected, so
// an answer that names instance metadata, loopback or everybody's DNS server would cut all pods off from it; and a
// sinkhole that answers 0.0.0.0 says nothing of where a database is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"

namespace bulkhead::dns {

/// Why it may not; nothing if it may. An IPv4 address that NAT64's 64:ff9b::/96 (RFC 6052) carries is judged likewise.
/// `never` holds the operator's own.
std::optional<std::string> why_never(const Address& address, const std::vector<Cidr>& never);

} // namespace bulkhead::dns
