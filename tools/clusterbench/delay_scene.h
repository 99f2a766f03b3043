// SPDX-License-Identifier: Apache-2.0
//
// Ten of each kind of thing that is changed, and for each change a question to the kernel that is answered by it alone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernel_view.h"
#include "place.h"
#include "population.h"

namespace bulkhead::bench {

struct Kind {
    std::string name; // "namespace level"
    std::string what; // it changes, for people
};

class DelayScene {
public:
    static constexpr uint32_t kOfEach = 10;

    /// Wires the node's pods and writes all objects.
    static Result<> build(const Place& place, ApiClient& client, const Population& population);

    explicit DelayScene(const KernelView& kernel) : kernel_(kernel) {}

    static const std::vector<Kind>& kinds();

    struct Change {
        ApiClient::Request request;
        std::function<bool()> is_there; // in the kernel
    };
    /// The next of that kind; its turn comes again after kOfEach others.
    Change next(size_t kind);

private:
    struct Turn {
        uint32_t number;
        bool forth; // back at the next
    };
    Turn turn_of(size_t kind);
    Change flip_level(Turn turn) const;
    Change label_pod(Turn turn) const;
    Change edit_tenant(Turn turn) const;
    Change move_slice(Turn turn) const;

    const KernelView& kernel_;
    std::vector<uint32_t> changes_ = std::vector<uint32_t>(4); // so far, by kind
};

} // namespace bulkhead::bench
