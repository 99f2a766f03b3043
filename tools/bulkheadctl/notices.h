// SPDX-License-Identifier: Apache-2.0
//
// What a stream of flows says beside its flows, in words for people. Pure.
#pragma once

#include <string>

#include "flow/stream.h"

namespace bulkhead::ctl {

/// `origin` names the stream where the notice doesn't say of which node it is. Empty: it is a flow, or says that the
/// stream ended early.
std::string notice_text(const flow::Line& line, const std::string& origin);

} // namespace bulkhead::ctl
