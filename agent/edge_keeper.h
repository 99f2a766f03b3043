// SPDX-License-Identifier: Apache-2.0
//
// The edge table and its copy on the node's disk, brought in step: what is new at once, counts each minute. Where the
// disk doesn't take it, the table is kept in memory alone, and the disk tried again each minute. One thread.
#pragma once

#include <optional>
#include <string>

#include "flow/edge_file.h"
#include "flow/edges.h"

namespace bulkhead {

class EdgeKeeper {
public:
    explicit EdgeKeeper(flow::EdgeLimits limits) : edges_(limits) {}

    /// From now on in `path` too, with what is there. An error leaves it in memory alone until a later save().
    Result<> keep_in(const std::string& path);

    void add(const flow::EdgeKey& key, const flow::Sighting& seen);

    /// After some were added.
    void flush();

    /// Each minute, and at the end.
    void save(flow::Time now);

    const flow::Edges& edges() const { return edges_; }
    const std::string& error() const { return error_; } // of the last write; empty = it is on the disk

private:
    using Changed = std::vector<const flow::Edges::Rows::value_type*>;
    Result<> open();
    void append(const Changed& rows);

    flow::Edges edges_;
    std::string path_; // empty = in memory alone
    std::optional<flow::EdgeFile> file_;
    std::string error_;
};

} // namespace bulkhead
