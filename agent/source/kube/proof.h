// SPDX-License-Identifier: Apache-2.0
//
// What a request carries so that the server knows who asks. A value; credentials.h makes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead::source::kube {

struct Proof {
    std::string token;       // bearer; or empty
    std::string certificate; // PEM; or empty
    std::string key;         // PEM, the certificate's

    /// Every header line that says who asks: Authorization (with the token, or a user's password) and, if we act as
    /// somebody else, Impersonate-*. Leaving those out would be another identity.
    std::vector<std::string> headers;

    uint64_t version = 0; // changes with any of it

    bool same_as(const Proof& other) const {
        return token == other.token && certificate == other.certificate && key == other.key && headers == other.headers;
    }
};

} // namespace bulkhead::source::kube
