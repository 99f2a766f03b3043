// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/netns.h"

namespace bulkhead::test {

/// Sends one request (a whole message that asks for an acknowledgement) in a namespace and waits for the kernel's word.
/// `protocol` is NETLINK_ROUTE or another of its kind.
Result<> tell_kernel(const Netns& netns, int protocol, const void* request, size_t size);

} // namespace bulkhead::test
