// SPDX-License-Identifier: Apache-2.0
//
// The three places where a program of ours sits on a device. The numbers are in the handles of our tc
// filters and the names in pins: append only.
#pragma once

#include <array>
#include <cstdint>

#include "datapath/maps.h"

namespace bulkhead::datapath {

enum class Hook : uint8_t { kFromPod = 0, kToPod = 1, kUplink = 2 };
enum class Side : uint8_t { kIngress, kEgress }; // of the device, as tc says it

inline constexpr std::array kHooks{Hook::kFromPod, Hook::kToPod, Hook::kUplink};
inline constexpr std::array kSides{Side::kIngress, Side::kEgress};

constexpr Side side_of(Hook hook) {
    return hook == Hook::kFromPod ? Side::kIngress : Side::kEgress;
}

constexpr const char* name_of(Hook hook) {
    switch (hook) {
    case Hook::kFromPod:
        return "from_pod";
    case Hook::kToPod:
        return "to_pod";
    default:
        return "uplink";
    }
}

inline int program_of(const Programs& programs, Hook hook) {
    switch (hook) {
    case Hook::kFromPod:
        return programs.from_pod.get();
    case Hook::kToPod:
        return programs.to_pod.get();
    default:
        return programs.uplink.get();
    }
}

/// What the kernel says about one of our programs on one device.
struct Attachment {
    bool attached = false;
    bool first = false; // nothing of its kind runs before it
};

} // namespace bulkhead::datapath
