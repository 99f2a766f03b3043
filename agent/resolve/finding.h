// SPDX-License-Identifier: Apache-2.0
//
// What is known of one AWSResource: its addresses, and what AWS or DNS doesn't answer of it. Values, for conditions,
// problems and metrics. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/failure.h"
#include "resolve/evidence.h"
#include "state/objects.h"

namespace bulkhead::resolve {

/// Who is asked, as metrics have it.
struct Asked {
    std::string of{"dns"}; // or "aws":
    std::string account{}; // twelve digits; empty = the credentials' own
    std::string region{};  // empty = nobody said one
    static Asked aws(const state::AwsPlace& place);
    auto operator<=>(const Asked&) const = default;
};

struct Trouble {
    std::string reason; // "Throttled", as conditions have it
    std::string text;   // what isn't answered and why, since when, and what stays in force
    Asked asked{};
    state::Time since{}; // the first try that failed
    bool operator==(const Trouble&) const = default;
};

struct Finding {
    std::set<Cidr> addresses{};      // in force
    state::OwnersByAddress owners{}; // of these, by their tags
    std::string tenant_tag{};        // the one that names tenants, where it is asked for
    state::Time changed{};           // when these became what they are
    bool settled = false;            // everything was asked once, and ended well or not
    std::vector<Trouble> troubles{};
    bool is_answered() const { return settled && troubles.empty(); } // all that it names, and well
    Spoken spoken() const { return {.addresses = addresses, .owners = owners}; }
    bool operator==(const Finding&) const = default;
};

inline constexpr auto kNameTrouble = "NameNotResolved"; // a reason, as reason_of() has them for AWS

/// "AccessDenied"
const char* reason_of(aws::Failure::Kind kind);

/// What was found of a resource before we began to ask, by whoever asked then. Told until all has been answered once.
struct Earlier {
    std::optional<state::Time> by{}; // by then; not everybody leaves a date
};

/// "; failing since 2026-11-30T03:02:11Z; no good answer is known". `answered`: a good answer, if any
/// of it is in force.
std::string dates_of_trouble(state::Time since, const std::optional<state::Time>& answered,
                             const std::optional<Earlier>& earlier = {});

/// A problem for each trouble: "NoCredentials: securityGroups sg-0123abcd in eu-central-1: ...".
std::vector<state::Problem> problems_of(const state::AwsResource& resource, const Finding& finding);

} // namespace bulkhead::resolve
