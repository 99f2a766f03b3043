// SPDX-License-Identifier: Apache-2.0
//
// The compiled programs between "read" and "loaded": sizes and configuration are set, maps that exist
// already take the place of new ones. After load() only descriptors are left; libbpf's own state, some
// megabytes, is gone.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "bulkhead/abi.h"
#include "datapath/maps.h"

struct bpf_object;

namespace bulkhead::datapath {

using MapFds = std::map<std::string, Fd>; // by name in bpf/maps.h

struct Loaded {
    MapFds maps;
    Programs programs;
};

class Object {
public:
    static Result<Object> open(const Sizes& sizes, const bh_config& config);

    /// Those that outlive a load and may be shared by several.
    std::vector<std::string> map_names() const;

    /// Would a map of ours look exactly like this one?
    bool fits(const std::string& name, int fd) const;

    /// Would its rows be of the same bytes?
    bool has_rows_like(const std::string& name, uint32_t type, uint32_t key_size, uint32_t value_size) const;

    Result<> reuse(const std::string& name, int fd);

    /// Once. On failure the verifier's words are in the log.
    Result<Loaded> load();

private:
    struct Close {
        void operator()(bpf_object* object) const;
    };
    explicit Object(bpf_object* object) : object_(object) {}
    Result<> resize(const Sizes& sizes);

    std::unique_ptr<bpf_object, Close> object_;
};

/// Typed descriptors of all maps but the flow seed.
Result<Maps> typed(const MapFds& fds);

Result<Fd> duplicate(int fd);

} // namespace bulkhead::datapath
