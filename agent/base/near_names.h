// SPDX-License-Identifier: Apache-2.0
//
// What somebody may have meant who typed a name that isn't there. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace bulkhead {

/// Of `known` at most three that differ from `name` by a slip of the pen, or only by what stands before a slash
/// ("shop", "ns/shop"); the nearest first.
std::vector<std::string> near_names(const std::string& name, const std::set<std::string>& known);

/// "; did you mean ns/shop or shop-a?"; empty where nothing is near.
std::string suggestion(const std::string& name, const std::set<std::string>& known);

} // namespace bulkhead
