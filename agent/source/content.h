// SPDX-License-Identifier: Apache-2.0
//
// One file's say: the objects in it, and what is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "source/text_file.h"
#include "state/objects.h"
#include "state/pool.h"

namespace bulkhead::source {

struct Content {
    /// False: not text, or not what its name says. Then it says nothing at all.
    bool readable = false;
    /// Something in it concerns us, but doesn't say who it is.
    bool anonymous = false;
    std::vector<state::Object> objects;     // each key once
    std::vector<state::ObjectKey> invalid;  // those that are there, but not as they should be
    std::vector<state::ObjectKey> repeated; // those that are there more than once; sorted; the first is in `objects`
    std::vector<state::Problem> problems;   // without what is in force instead: the ledger knows that
    std::optional<Signature> signature;
};

/// `name` is what problems call the file at `path`.
Content read_content(const std::string& path, const state::SharedText& name, state::Pool& pool);

/// Of what is in no file: YAML, and so JSON too.
Content read_content_of(std::string_view text, const state::SharedText& name, state::Pool& pool);

/// *.yaml, *.yml or *.json, and not hidden.
bool is_source_name(std::string_view file_name);

} // namespace bulkhead::source
