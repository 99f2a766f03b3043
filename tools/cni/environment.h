// SPDX-License-Identifier: Apache-2.0
//
// What the container runtime says by CNI_* variables. Pure.
#pragma once

#include <functional>
#include <string>

#include "cni/outcome.h"

namespace bulkhead::cni {

struct Environment {
    std::string command;                          // ADD, DEL, CHECK, STATUS, GC, VERSION
    std::string pod_namespace, pod_name, pod_uid; // of CNI_ARGS; empty = not told
};

/// As getenv() answers; null = not there.
using Variables = std::function<const char*(const char*)>;

/// What the command needs has to be there, and a pod's name where a pod is let in.
Outcome<Environment> read_environment(const Variables& variables);

} // namespace bulkhead::cni
