// SPDX-License-Identifier: Apache-2.0
//
// A DNS server as users write it: "10.0.0.2", "10.0.0.2:5353", "fd00::2", "[fd00::2]:5353".
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"

namespace bulkhead::dns {

struct Server {
    Address address;
    uint16_t port = 53;

    static Result<Server> parse(std::string_view text);
    std::string text() const; // with its port

    auto operator<=>(const Server&) const = default;
};

} // namespace bulkhead::dns
