// SPDX-License-Identifier: Apache-2.0
//
// What many tenants need alike is one entry: a door that everybody uses is exposed, and who looks at everybody (a
// scraper of metrics) is trusted. Pure.
#pragma once

#include <vector>

#include "advise/advice.h"

namespace bulkhead::advise {

/// From so many tenants on, one entry for all of them is less to read, and less to get wrong, than one each.
inline constexpr size_t kManyTenants = 5;

/// Takes out of `refusals`, which entries can let in, those that a broad entry is for, and returns these.
std::vector<Entry> take_broad(std::vector<Refusal>& refusals);

inline bool is_broad(const Entry& entry) {
    return entry.where == Entry::Where::kExpose || entry.where == Entry::Where::kTrusted;
}

/// A broad entry to review, as a comment: it belongs into what others have written.
std::string broad_yaml(const Entry& entry);

/// A port that an entry opens, once: adds what was seen of it.
void add_port(Entry& entry, const Refusal& refusal);

} // namespace bulkhead::advise
