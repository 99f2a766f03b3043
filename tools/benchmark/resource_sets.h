// SPDX-License-Identifier: Apache-2.0
//
// Made-up AWSResources for the agent under test, in one file of its directory. Addresses are no pod's (Directory's are
// 10.0.0.0/8), and no two resources share one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/address.h"

namespace bulkhead::bench {

struct ResourceSets {
    std::string name;
    uint32_t addresses = 0; // of one resource
    uint32_t networks = 0;  // of another one, /24 each
    uint32_t resources = 0; // each of an address and a /28

    /// Writes the file, by rename. Resource `growing` has the first `extra` of extra_address() as well.
    Result<> write(const std::filesystem::path& directory, uint32_t extra) const;

    /// One in each thing that it protects.
    std::vector<Address> samples() const;

    static Address extra_address(uint32_t number);
};

} // namespace bulkhead::bench
