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

    struct Content {
        Found found{};
        std::string fault{}; // what of it can't be read, and was passed over; empty: nothing
    };

    explicit FoundFile(std::string path) : path_(std::move(path)) {}

    /// Nothing where there is no file. One that can't be read as a whole is an error, since it isn't nothing.
    Result<Content> read() const;

    /// As it is now, beside it under another name, which this returns: for whoever can mend what can't be read.
    Result<std::string> keep_unreadable() const;

    /// On the disk when it returns; until then the former one is whole.
    Result<> write(const Found& found) const;

    /// With all that is kept beside it. No error where there is none.
    static Result<> remove(const std::string& path);

private:
    std::string path_;
};

} // namespace bulkhead
