// SPDX-License-Identifier: Apache-2.0
//
// Manifests judged as the agent would judge them, without one: each object by itself, then all of them
// together by the agent's own compile(). Whoever checks a single file has no other objects at hand, so names
// that mean nothing here are notes and not problems.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bulkheadctl/table.h"
#include "state/objects.h"

namespace bulkhead::ctl {

using Json = nlohmann::ordered_json;

struct Validation {
    size_t objects = 0; // valid ones
    std::vector<state::Problem> problems;
    std::vector<state::Problem> notes; // about objects that aren't among these
};

Validation validate(const std::vector<std::string>& paths);

Json to_json(const Validation& validation);
std::string validation_text(const Json& validation, Width width);

} // namespace bulkhead::ctl
