// SPDX-License-Identifier: Apache-2.0
//
// Which databases and caches have which tags (Resource Groups Tagging API reference, GetResources). One pass of an
// account's region serves all resources: a call for each 100 things that have, or had, a tag.
#pragma once

#include <map>
#include <string>

#include "aws/caller.h"
#include "aws/interfaces.h"

namespace bulkhead::aws {

/// Tags by ARN, of what named.h has host names for.
Answer<std::map<std::string, Tags>> tagged_resources(Caller& caller);

} // namespace bulkhead::aws
