// SPDX-License-Identifier: Apache-2.0
//
// One place that hands out keys. It says where it is, so that errors and the status can name it.
#pragma once

#include <stop_token>
#include <string>

#include "aws/failure.h"
#include "aws/keys.h"

namespace bulkhead::aws {

class KeySource {
public:
    virtual ~KeySource() = default;
    virtual std::string name() const = 0;
    /// Asks anew each time; blocks as long as its requests' limits allow.
    virtual Answer<Keys> fetch(const std::stop_token& stop) = 0;
};

} // namespace bulkhead::aws
