// SPDX-License-Identifier: Apache-2.0
//
// The addresses that were found for AWSResources, and by what, kept in a file:
//
//   {"payments-aurora": [{"address": "10.0.3.7", "owners": [], "from": [{"question": "", "name": "db.example.com"}]}]}
//
// with `owners`, [{"tenant": "payments", "level": ""}], where tags say whose they are. "10.0.3.7" alone is one of which
// nobody knows what found it, as in files of former versions, which read this one too: they pass over what they don't
// know. An agent that begins while AWS or DNS is away goes on with them.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"
#include "resolve/remembered.h"

namespace bulkhead {

class FoundFile {
public:
    using Found = resolve::Memories;

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
