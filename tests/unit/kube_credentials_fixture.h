// SPDX-License-Identifier: Apache-2.0
//
// Credentials as their owner holds them, with time that only the test moves.
#pragma once

#include "kube_fixture.h"
#include "source/kube/credentials.h"

namespace bulkhead::source::kube {

struct Holder {
    TemporaryDirectory directory;
    FakeClock clock;
    Pace pace{};
    std::unique_ptr<Credentials> credentials;

    void use(const Access& access) {
        auto created = Credentials::create(access, clock, pace);
        REQUIRE(created);
        credentials = std::move(*created);
    }
    std::string token() const {
        const auto* proof = credentials->current();
        return proof != nullptr ? proof->token : "";
    }
    uint64_t version() const {
        const auto* proof = credentials->current();
        return proof != nullptr ? proof->version : 0;
    }
};

} // namespace bulkhead::source::kube
