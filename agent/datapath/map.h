// SPDX-License-Identifier: Apache-2.0
//
// BPF maps with types. All raw pointers to keys and values end in this file and map.cpp; everybody else
// says Map<Key, Value>. A map is only a descriptor: it can be moved, not copied, and the kernel keeps
// the content for as long as a pin, a program or a descriptor names it. No locks: the writer is one
// thread, and the kernel's own updates of one element are atomic enough for its readers (see abi.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead {

/// The untyped half: system calls, with the map's name in every error.
class RawMap {
public:
    RawMap() = default;
    RawMap(Fd fd, std::string name, uint32_t capacity)
        : fd_(std::move(fd)), name_(std::move(name)), capacity_(capacity) {}

    int fd() const { return fd_.get(); }
    bool valid() const { return fd_.valid(); }
    const std::string& name() const { return name_; }
    uint32_t capacity() const { return capacity_; } // max_entries

protected:
    /// 0 or an errno.
    int update(const void* key, const void* value) const;
    int erase(const void* key) const;
    int lookup(const void* key, void* value) const;
    /// 0 or an errno; ENOENT = there is no next one. `previous` may be null.
    int next(const void* previous, void* key) const;

    /// How many elements are in; the first one that is not failed with `error`. Kernels or map types
    /// without batches take them one by one.
    struct Batch {
        uint32_t done = 0;
        int error = 0;
    };
    Batch update_batch(const void* keys, const void* values, uint32_t count, uint32_t key_size,
                       uint32_t value_size) const;

    /// Takes up to `count` elements out of a hash, from `place` on (nothing = from its beginning), and says there where
    /// to go on. ENOENT = that was its end.
    Batch take_batch(std::optional<uint32_t>& place, void* keys, void* values, uint32_t count) const;

private:
    Fd fd_;
    std::string name_;
    uint32_t capacity_ = 0;
};

/// Number of CPUs for which the kernel keeps a value in per-CPU maps.
Result<uint32_t> possible_cpus();

template <typename Key, typename Value>
class Map : public RawMap {
    static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);
    static_assert(std::has_unique_object_representations_v<Key>, "a hidden hole in a key would be hashed");

public:
    using RawMap::RawMap;

    /// 0 or an errno: the writer decides what a failure means.
    int put(const Key& key, const Value& value) const { return update(&key, &value); }
    int remove(const Key& key) const { return erase(&key); }

    /// Empty where there is none.
    std::optional<Value> find(const Key& key) const {
        Value value{};
        if (lookup(&key, &value) != 0) return std::nullopt;
        return value;
    }

    using RawMap::Batch;
    Batch put_all(std::span<const Key> keys, std::span<const Value> values) const {
        return update_batch(keys.data(), values.data(), static_cast<uint32_t>(keys.size()), sizeof(Key), sizeof(Value));
    }

    /// Takes some elements out of a hash, `most` or fewer. `place` says where to go on, and is nothing at first and
    /// when all were seen.
    template <typename Visit>
    Result<> take_some(std::optional<uint32_t>& place, uint32_t most, Visit visit) const {
        std::vector<Key> keys(most);
        std::vector<Value> values(most);
        const auto batch = take_batch(place, keys.data(), values.data(), most);
        for (uint32_t i = 0; i < batch.done; ++i)
            visit(keys[i], values[i]);
        if (batch.error != 0) place.reset();
        if (batch.error != 0 && batch.error != ENOENT) return fail("take from map " + name(), batch.error);
        return {};
    }

    /// Every element, in the kernel's order. Nobody else may delete from the map meanwhile.
    template <typename Visit>
    Result<> for_each(Visit visit) const {
        Key key{};
        int error = next(nullptr, &key);
        while (error == 0) {
            if (auto value = find(key)) visit(key, *value);
            const Key previous = key;
            error = next(&previous, &key);
        }
        if (error != ENOENT) return fail("read map " + name(), error);
        return {};
    }
};

/// A per-CPU array whose values are sums of 64-bit numbers.
template <typename Value>
class PerCpuArray : public RawMap {
    static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) % sizeof(uint64_t) == 0);

public:
    using RawMap::RawMap;

    /// All CPUs' values of one element.
    Result<std::vector<Value>> read(uint32_t index) const {
        auto cpus = possible_cpus();
        if (!cpus) return tl::unexpected(cpus.error());
        std::vector<Value> values(*cpus);
        if (int error = lookup(&index, values.data())) return fail("read map " + name(), error);
        return values;
    }

    Result<> clear(uint32_t index) const {
        auto cpus = possible_cpus();
        if (!cpus) return tl::unexpected(cpus.error());
        const std::vector<Value> values(*cpus);
        if (int error = update(&index, values.data())) return fail("clear map " + name(), error);
        return {};
    }
};

} // namespace bulkhead
