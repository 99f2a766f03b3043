// SPDX-License-Identifier: Apache-2.0
//
// The words exchanged with a credential plugin: ExecCredential of client.authentication.k8s.io, v1 and v1beta1.
#pragma once

#include <optional>
#include <string>

#include "source/kube/access.h"
#include "source/kube/clock.h"

namespace bulkhead::source::kube {

/// A token, or a certificate with its key (PEM), or all of them.
struct ExecCredential {
    std::string token;
    std::string certificate;
    std::string key;
    std::optional<Clock::Wall> expires; // absent: with the process, unless the server refuses it before
};

/// What the plugin is told, as JSON. Of an access that has one.
std::string exec_info(const Access& access);

/// What the plugin printed. The error never quotes it, since there is a secret in it.
Result<ExecCredential> read_exec_credential(std::string output, const std::string& api_version);

} // namespace bulkhead::source::kube
