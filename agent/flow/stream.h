// SPDX-License-Identifier: Apache-2.0
//
// The lines of a stream of flows (NDJSON), as /v1/flows sends them and a file keeps them. A line is a record, or a
// notice, which has no verdict:
//
//   {"lost": 12, "because": "the rate limit", "node": "node-a"}    so many flows are missing from here on; with
//                                                                  "unit": "packets", so many refused packets
//   {"forgotten": "allowed", "before": TIME, "node": "node-a"}     the answer has none of these from before that time
//   {"error": "the reader is too slow: ..."}                       the stream ends here, and this is why
//   any other object of plain values                               a newer agent's
//
// An empty line says that whoever writes is still there; of a stream that goes on, the first of them also that what
// is remembered is told. A stream that ends well ends without a notice: one that follows never does. Values; no
// threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "flow/record.h"

namespace bulkhead::flow {

struct Lost {
    uint64_t count = 0;
    std::string because;
    std::string node{};   // empty = unknown
    bool packets = false; // that were refused; else flows

    bool operator==(const Lost&) const = default;
};

struct Forgotten {
    std::string what; // "allowed", or "refused", which are the denied and the audited
    Time before{};
    std::string node; // empty = unknown

    bool operator==(const Forgotten&) const = default;
};

struct Broken {
    std::string why;

    bool operator==(const Broken&) const = default;
};

/// A notice of a kind that this version doesn't know.
struct Unknown {
    Json said;

    bool operator==(const Unknown&) const = default;
};

using Line = std::variant<Record, Lost, Forgotten, Broken, Unknown>;

Json to_json(const Lost& lost);
Json to_json(const Forgotten& forgotten);
Json to_json(const Broken& broken);

/// Whether it is no record, nor a broken one: without what every record has, and with plain values alone.
bool is_notice(const Json& json);

/// What a notice is, or else a record.
Result<Line> parse_line(const Json& json);

/// The text of a line, with its line break. Pure ASCII, so that no name in it means anything to a terminal.
std::string line_of(const Json& json);

} // namespace bulkhead::flow
