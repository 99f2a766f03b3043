// SPDX-License-Identifier: Apache-2.0
#include "datapath/opening_rows.h"

#include <algorithm>
#include <cstring>

namespace bulkhead::datapath {

namespace {

bool before(const bh_opening& a, const bh_opening& b) {
    return std::memcmp(&a, &b, sizeof(a)) < 0;
}

bool same_but_deadline(bh_opening a, bh_opening b) {
    a.until = 0;
    b.until = 0;
    return same_bytes(a, b);
}

bh_opening encode_one(const compile::OpeningRow& row, const Moment& now) {
    bh_opening encoded{};
    encoded.first_port = row.first_port;
    encoded.last_port = row.last_port;
    encoded.protocol = row.protocol;
    encoded.line = row.line;
    encoded.origin = row.origin;
    if (row.until) encoded.until = now.jiffies_at(*row.until);
    return encoded;
}

bh_opening_key part_of(compile::OpeningKey key, size_t part) {
    return {.dst = key.dst, .src = key.src, .part = static_cast<uint32_t>(part)};
}

bh_openings block_of(const OpeningRows& rows, size_t part) {
    bh_openings block{};
    const size_t begin = part * BH_OPENINGS_PER_BLOCK;
    const size_t count = std::min<size_t>(rows.size() - begin, BH_OPENINGS_PER_BLOCK);
    block.count = static_cast<uint16_t>(count);
    block.more = begin + count < rows.size() ? 1 : 0;
    for (size_t i = 0; i < count; i++)
        block.row[i] = rows[begin + i];
    return block;
}

size_t parts_of(const OpeningRows& rows) {
    return (rows.size() + BH_OPENINGS_PER_BLOCK - 1) / BH_OPENINGS_PER_BLOCK;
}

/// Rows only move to earlier blocks, which are written before the later ones lose them.
bool shrink(OpeningsTable& table, compile::OpeningKey key, const OpeningRows& rows, WriteReport& report) {
    const size_t parts = parts_of(rows);
    bool done = true;
    for (size_t part = 0; part < parts; part++)
        done = table.put(part_of(key, part), block_of(rows, part), report) && done;
    for (size_t part = parts; part < BH_OPENING_PARTS; part++)
        done = table.erase(part_of(key, part), report) && done;
    return done;
}

/// The other way round. What doesn't fit as a whole leaves no parts behind that nobody would find.
bool grow(OpeningsTable& table, compile::OpeningKey key, const OpeningRows& rows, size_t parts_there,
          WriteReport& report) {
    const size_t parts = parts_of(rows);
    for (size_t part = parts; part > 0; part--) {
        if (table.put(part_of(key, part - 1), block_of(rows, part - 1), report)) continue;
        for (size_t added = std::max(part, parts_there); added < parts; added++)
            table.erase(part_of(key, added), report);
        return false;
    }
    return true;
}

} // namespace

OpeningRows encode(std::span<const compile::OpeningRow> rows, const OpeningRows& now_there, const Moment& now) {
    OpeningRows encoded;
    encoded.reserve(rows.size());
    for (const auto& row : rows) {
        bh_opening one = encode_one(row, now);
        const auto known = std::ranges::find_if(now_there, [&](const bh_opening& each) {
            return same_but_deadline(each, one) && now.same_date(each.until, one.until);
        });
        encoded.push_back(known != now_there.end() ? *known : one);
    }
    std::ranges::sort(encoded, before);
    const auto repeated = std::ranges::unique(encoded, same_bytes<bh_opening>);
    encoded.erase(repeated.begin(), repeated.end());
    return encoded;
}

OpeningRows common(const OpeningRows& rows, const OpeningRows& others) {
    OpeningRows both;
    std::ranges::set_intersection(rows, others, std::back_inserter(both), before);
    return both;
}

bool same(const OpeningRows& a, const OpeningRows& b) {
    return std::ranges::equal(a, b, same_bytes<bh_opening>);
}

OpeningRows read_rows(const OpeningsTable& table, compile::OpeningKey key) {
    OpeningRows rows;
    for (size_t part = 0; part < BH_OPENING_PARTS; part++) {
        const bh_openings* block = table.find(part_of(key, part));
        if (block == nullptr) break;
        rows.insert(rows.end(), block->row, block->row + std::min<size_t>(block->count, BH_OPENINGS_PER_BLOCK));
        if (block->more == 0) break;
    }
    std::ranges::sort(rows, before); // what a former agent wrote may be in another order
    return rows;
}

bool write_rows(OpeningsTable& table, compile::OpeningKey key, const OpeningRows& rows, WriteReport& report) {
    const OpeningRows there = read_rows(table, key);
    return rows.size() > there.size() ? grow(table, key, rows, parts_of(there), report)
                                      : shrink(table, key, rows, report);
}

} // namespace bulkhead::datapath
