// SPDX-License-Identifier: Apache-2.0
//
// The URLs of an API server and of a proxy to it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace bulkhead::source::kube {

/// http(s)://host[:port][/prefix], without the slashes at its end. The error says what is wrong ("has no host").
Result<std::string> check_server_url(std::string_view url);

/// What client-go takes: http, https or socks5.
Result<std::string> check_proxy_url(std::string_view url);

bool is_encrypted(std::string_view server_url);

/// "https://10.0.0.1:443"; an IPv6 address gets its brackets.
std::string server_url_of(const std::string& host, const std::string& port);

} // namespace bulkhead::source::kube
