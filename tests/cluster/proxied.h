// SPDX-License-Identifier: Apache-2.0
//
// An API server by way of a proxy that makes trouble.
#pragma once

#include <filesystem>

#include "cluster_fixture.h"
#include "fixture.h"
#include "support/faulty_proxy.h"

namespace bulkhead::test {

inline constexpr uint16_t kProxyPort = 16443;

/// On the server's host, before it.
FaultyProxy proxy_before(const ApiServer& server, const Place& host);

/// The admin's kubeconfig, with the proxy in the server's place.
void write_proxied_kubeconfig(const std::filesystem::path& path, const ApiServer& server, const Place& host);

} // namespace bulkhead::test
