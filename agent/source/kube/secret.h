// SPDX-License-Identifier: Apache-2.0
//
// Tokens, certificates and keys as text: is it one at all? Enough to tell a wrong file or half a rotation before
// a server or a TLS library does, in fewer words. No message quotes a secret.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "source/field.h"

namespace bulkhead::source::kube {

/// What is to be used of `text`, or what is wrong with it ("is empty").
using SecretCheck = Result<std::string> (*)(const std::string& text);

/// Without the white space around it, and fit for a header.
Result<std::string> check_token(const std::string& text);

Result<std::string> check_certificates(const std::string& text); // one or more, PEM
Result<std::string> check_private_key(const std::string& text);  // PEM; a certificate may be with it

/// The error begins with the path: "/etc/token is empty".
Result<std::string> read_secret_file(const std::string& path, SecretCheck check);

/// Nothing in it that would end a header line.
bool fits_header(std::string_view text);

/// field.string() that doesn't quote what it complains about. An empty one is absent, as in client-go.
std::optional<std::string> read_secret(const Field& field);

} // namespace bulkhead::source::kube
