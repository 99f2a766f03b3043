// SPDX-License-Identifier: Apache-2.0
//
// How bulkheadctl ends, and how it says that something went wrong.
#pragma once

#include "base/result.h"

namespace bulkhead::ctl {

enum Exit { kDone = 0, kProblems = 1, kUsage = 2, kNoAgent = 3, kRefusal = 4, kBrokenOff = 5, kSomeNodes = 6 };

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done, or of what is followed: ended by Ctrl-C, or by a reader who wanted no more; 1 validate found "
    "problems, advise --check something that would be refused or can't be judged, nobody knows advise's tenant, a "
    "report lacks something, "
    "or lines couldn't be read or written; 2 wrong usage; 3 no agent answers; 4 the agent refused the "
    "question; 5 a stream ended before its end; 6 some nodes didn't answer, the rest is shown.";

/// To stderr; returns `code`.
int complain(const Error& error, int code);

} // namespace bulkhead::ctl
