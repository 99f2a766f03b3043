// SPDX-License-Identifier: Apache-2.0
//
// The addresses that were found for AWSResources, kept in a file: {"payments-aurora": ["10.0.3.7", ...]}. Where tags
// say whose they are, it is {"address": "10.0.3.7", "owners": [{"tenant": "payments", "level": ""}]}. An agent that
// begins while AWS or DNS is away goes on with them.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/address.h"
#include "base/result.h"
#include "resolve/evidence.h"

namespace bulkhead {

class FoundFile {
public:
    using Found = std::map<std::string, resolve::Spoken>; // by resource

    explicit FoundFile(std::string path) : path_(std::move(path)) {}

    /// Nothing where there is no file. What can't be read of one is an error, since it isn't nothing.
    Result<Found> read() const;

    /// On the disk when it returns; until then the former one is whole.
    Result<> write(const Found& found) const;

    /// No error where there is none.
    static Result<> remove(const std::string& path);

private:
    std::string path_;
};

} // namespace bulkhead
