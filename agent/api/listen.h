// SPDX-License-Identifier: Apache-2.0
//
// Listening sockets: a Unix socket that only root may use, and TCP addresses as users write them.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead::api {

/// See HttpServer::on_unix.
Result<Fd> listen_unix(const std::string& path);

/// See HttpServer::on_tcp.
Result<Fd> listen_tcp(const std::string& address);

uint16_t port_of(const Fd& socket);

} // namespace bulkhead::api
