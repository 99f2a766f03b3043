// SPDX-License-Identifier: Apache-2.0
//
// The oracle's own reading of selectors, port lists and the expose annotation. Pure functions.
#pragma once

#include <string>

#include "state/objects.h"

namespace bulkhead::test {

bool selects(const state::Selector& selector, const state::Labels& labels);

/// An absent selector does not narrow.
bool selects(const std::optional<state::Selector>& selector, const state::Labels& labels);

/// Do `ports` cover this protocol and port of `dst`? Names stand for container ports of `dst`; null =
/// not a pod, and no name means anything. An empty list covers everything.
bool covers(const state::Ports& ports, const state::PodTemplate* dst, uint8_t protocol, uint16_t port);

/// Does the annotation of `pod` expose this protocol and port? Bad words expose nothing.
bool annotation_exposes(const state::PodTemplate& pod, uint8_t protocol, uint16_t port);

} // namespace bulkhead::test
