// SPDX-License-Identifier: Apache-2.0
//
// A map and what we know to be in it. We are its only writer, so after one reading at the start the
// shadow is the truth, and a write that changes nothing costs no system call. A row is in the shadow
// exactly if the kernel took it.
//
// Rows that were there at the start are "restored" until settle(): the writer leaves them alone until it
// knows as much as the agent that wrote them.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "datapath/journal.h"
#include "datapath/map.h"

namespace bulkhead::datapath {

template <typename T>
bool same_bytes(const T& a, const T& b) {
    static_assert(std::has_unique_object_representations_v<T>);
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}

struct HashBytes {
    template <typename T>
    size_t operator()(const T& value) const {
        return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&value), sizeof(value)});
    }
};

struct EqualBytes {
    template <typename T>
    bool operator()(const T& a, const T& b) const {
        return same_bytes(a, b);
    }
};

enum class TableKind : uint8_t { kHash, kArray }; // of an array, an all-zero row counts as absent

template <typename Key, typename Value>
class Table {
public:
    using Row = std::pair<Key, Value>;
    using Rows = std::unordered_map<Key, Value, HashBytes, EqualBytes>;
    using Describe = std::string (*)(const Key&);

    /// `map` must outlive the table. `limit`: never more rows than that.
    Table(const Map<Key, Value>& map, TableKind kind, Describe describe, uint32_t limit)
        : map_(&map), kind_(kind), describe_(describe), limit_(limit) {}

    Result<> restore() {
        auto read = map_->for_each([this](const Key& key, const Value& value) {
            if (kind_ == TableKind::kArray && same_bytes(value, Value{})) return;
            rows_.emplace(key, value);
            restored_.insert(key);
        });
        return read;
    }

    void settle() { restored_ = {}; }
    bool is_restored(const Key& key) const { return restored_.contains(key); }
    /// This row is wanted by who knows of it: it may be changed like any other.
    void own(const Key& key) { restored_.erase(key); }

    const Rows& rows() const { return rows_; }
    size_t limit() const { return limit_; }
    size_t room() const { return limit_ - std::min(limit_, rows_.size()); }
    const Value* find(const Key& key) const {
        const auto found = rows_.find(key);
        return found == rows_.end() ? nullptr : &found->second;
    }
    bool holds(const Key& key, const Value& value) const {
        const Value* known = find(key);
        return known != nullptr && same_bytes(*known, value);
    }

    /// True = the row is in the kernel now.
    bool put(const Key& key, const Value& value, WriteReport& report) {
        if (holds(key, value)) return true;
        const bool full = rows_.size() >= limit_ && !rows_.contains(key);
        if (int error = full ? E2BIG : map_->put(key, value)) return failed(key, error, report);
        taken(key, value, report);
        return true;
    }

    /// Rows that differ from what is there. Calls `on_failure(key)` for those that the kernel refused.
    template <typename OnFailure>
    void put_all(const std::vector<Row>& rows, WriteReport& report, OnFailure on_failure) {
        constexpr size_t kChunk = 4096;
        if (rows_.size() + rows.size() > limit_ || rows.size() < kWorthABatch)
            return put_each(rows, report, on_failure);
        std::vector<Key> keys;
        std::vector<Value> values;
        for (size_t begin = 0; begin < rows.size(); begin += kChunk) {
            const std::span chunk = std::span(rows).subspan(begin, std::min(kChunk, rows.size() - begin));
            keys.clear();
            values.clear();
            for (const auto& [key, value] : chunk) {
                keys.push_back(key);
                values.push_back(value);
            }
            const auto batch = map_->put_all(keys, values);
            for (const auto& [key, value] : chunk.first(batch.done))
                taken(key, value, report);
            put_each(chunk.subspan(batch.done), report, on_failure);
        }
    }

    /// Takes out a row that should be there, and says that it doesn't fit.
    void give_up(const Key& key, WriteReport& report) {
        if (erase(key, report)) failed(key, E2BIG, report);
    }

    /// True = there is no such row in the kernel now.
    bool erase(const Key& key, WriteReport& report) {
        if (!rows_.contains(key)) return true;
        const int error = kind_ == TableKind::kArray ? map_->put(key, Value{}) : map_->remove(key);
        if (error != 0 && error != ENOENT) return failed(key, error, report);
        rows_.erase(key);
        restored_.erase(key);
        report.removals++;
        return true;
    }

private:
    static constexpr size_t kWorthABatch = 16;

    template <typename OnFailure>
    void put_each(std::span<const Row> rows, WriteReport& report, OnFailure on_failure) {
        for (const auto& [key, value] : rows)
            if (!put(key, value, report)) on_failure(key);
    }

    void taken(const Key& key, const Value& value, WriteReport& report) {
        rows_.insert_or_assign(key, value);
        report.puts++;
    }

    bool failed(const Key& key, int error, WriteReport& report) {
        WriteFailure failure{.map = map_->name(), .key = describe_(key), .code = error};
        rows_.contains(key) ? report.add_stale(std::move(failure)) : report.add(std::move(failure));
        return false;
    }

    const Map<Key, Value>* map_;
    TableKind kind_;
    Describe describe_;
    size_t limit_;
    Rows rows_;
    std::unordered_set<Key, HashBytes, EqualBytes> restored_;
};

} // namespace bulkhead::datapath
