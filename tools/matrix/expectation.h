// SPDX-License-Identifier: Apache-2.0
//
// What a matrix should show. The rule's own expectation comes from the tests' oracle, which shares no code
// with the kernel programs.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "matrix/scene.h"
#include "support/oracle.h"

namespace bulkhead::matrix {

/// A question that one probe answers.
struct Route {
    const Place* src = nullptr;
    const Place* dst = nullptr;
    uint8_t family = BH_IPV4;
    uint8_t protocol = BH_TCP; // BH_TCP, BH_UDP, BH_ICMP
    uint16_t port = 0;         // host order; none for ping
};

struct Expected {
    bool open = false;
    std::string_view line; // of the rule, or "unguarded": nobody judges
};

using Expectation = std::function<Result<Expected>(const Route&)>;

/// As the rule says over these objects, at this moment.
Expectation expect_rule(const std::vector<state::Object>& objects, const test::OracleSettings& settings = {});

/// As without any agent: everybody reaches everybody.
Expectation expect_open();

} // namespace bulkhead::matrix
