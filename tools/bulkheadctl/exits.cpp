// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/exits.h"

#include <iostream>

#include "base/printable.h"

namespace bulkhead::ctl {

int complain(const Error& error, int code) {
    std::cerr << "bulkheadctl: " << printable(error.text) << "\n";
    return code;
}

} // namespace bulkhead::ctl
