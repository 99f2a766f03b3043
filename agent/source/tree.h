// SPDX-License-Identifier: Apache-2.0
//
// What lies below a directory: the files that are a source, through links too. Links that lead back, or
// to a directory that was read already, are reported and not followed.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "source/text_file.h"
#include "state/objects.h"

namespace bulkhead::source {

struct Tree {
    struct File {
        Signature signature;
        bool is_link = false;
    };
    std::map<std::string, File> files; // by name relative to the root
    std::vector<std::string> unknown;  // files and directories that are there, but can't be looked at
    std::vector<state::Problem> problems;

    /// Something may be there under that name.
    bool may_hold(const std::string& name) const;
};

/// Walks `root`. `enter(path, name)` is called for each directory before it is listed, so that a watch
/// misses nothing.
Tree walk(const std::string& root, const std::function<void(const std::string&, const std::string&)>& enter);

} // namespace bulkhead::source
