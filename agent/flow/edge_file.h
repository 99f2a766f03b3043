// SPDX-License-Identifier: Apache-2.0
//
// The edge table on the node's disk: a line for each edge (edge_json.h), and of the lines of one edge the last one
// counts. So a new edge costs one line, a crash loses what was not appended yet and nothing else, and a line that a
// power cut left half written is passed over. Now and then the file is written anew. One thread; no other process.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "flow/edges.h"

namespace bulkhead::flow {

class EdgeFile {
public:
    /// Adds to `edges` what `path` has; makes it, and its directory, where they are missing. A directory in which there
    /// is nothing is nobody's but the owner's from then on. An error adds nothing.
    static Result<EdgeFile> open(std::string path, Edges& edges);

    /// In the kernel's page cache when it returns: the end of the agent takes nothing back.
    Result<> append(const std::vector<const Edges::Rows::value_type*>& rows);

    /// Whether most of the lines say what later ones say again.
    bool is_mostly_old(size_t edges) const { return lines_ > 2 * edges + kSpareLines; }

    /// Anew, on the disk when it returns; until then the former file is whole.
    Result<> rewrite(const Edges::Rows& rows);

    size_t unreadable() const { return unreadable_; } // lines that open() passed over

private:
    static constexpr size_t kSpareLines = 1000;

    explicit EdgeFile(std::string path) : path_(std::move(path)) {}
    Result<> load(Edges& edges);
    Result<> open_to_append();

    std::string path_;
    Fd file_;
    size_t lines_ = 0;
    size_t unreadable_ = 0;
    bool ends_midline_ = false; // what is there, for want of a line break
};

/// The file, what rewrite() may have left beside it, and its directory if nothing else is in it. No error where there
/// is none.
Result<> remove_edge_file(const std::string& path);

} // namespace bulkhead::flow
