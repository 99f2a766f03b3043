// SPDX-License-Identifier: Apache-2.0
#include "datapath/map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

namespace bulkhead {

namespace {

constexpr int kNotSupported = 524; // the kernel's own ENOTSUPP, which has no name in user space

bool lacks_batches(int error) {
    return error == EINVAL || error == EOPNOTSUPP || error == kNotSupported;
}

} // namespace

int RawMap::update(const void* key, const void* value) const {
    return -bpf_map_update_elem(fd(), key, value, BPF_ANY);
}

int RawMap::erase(const void* key) const {
    return -bpf_map_delete_elem(fd(), key);
}

int RawMap::lookup(const void* key, void* value) const {
    return -bpf_map_lookup_elem(fd(), key, value);
}

int RawMap::next(const void* previous, void* key) const {
    return -bpf_map_get_next_key(fd(), previous, key);
}

RawMap::Batch RawMap::update_batch(const void* keys, const void* values, uint32_t count, uint32_t key_size,
                                   uint32_t value_size) const {
    uint32_t done = count;
    const int error = -bpf_map_update_batch(fd(), keys, values, &done, nullptr);
    if (error == 0) return {.done = count, .error = 0};
    // A kernel that knows no batches leaves `done` as it was.
    Batch result{.done = lacks_batches(error) ? 0 : done, .error = error};
    const auto* key = static_cast<const std::byte*>(keys);
    const auto* value = static_cast<const std::byte*>(values);
    for (; result.done < count; result.done++) {
        result.error = update(key + size_t{result.done} * key_size, value + size_t{result.done} * value_size);
        if (result.error != 0) return result;
    }
    return result;
}

RawMap::Batch RawMap::take_batch(std::optional<uint32_t>& place, void* keys, void* values, uint32_t count) const {
    uint32_t from = place.value_or(0), next = 0; // a hash' buckets
    uint32_t done = count;
    const int error =
        -bpf_map_lookup_and_delete_batch(fd(), place ? &from : nullptr, &next, keys, values, &done, nullptr);
    place = next;
    return {.done = error == 0 || error == ENOENT ? done : 0, .error = error};
}

Result<uint32_t> possible_cpus() {
    static const int cpus = libbpf_num_possible_cpus();
    if (cpus < 0) return fail("count the possible CPUs", -cpus);
    return static_cast<uint32_t>(cpus);
}

} // namespace bulkhead
