// SPDX-License-Identifier: Apache-2.0
//
// Which tenants' IdentitySlices this node asks for, with --slice-scope relevant: those that can change a verdict here.
// Every other choice is a list anew, so what is asked for already stays for a while after nobody needs it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "compile/interest.h"

namespace bulkhead {

class SliceScope {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Look again whenever the policy or a pod of this node changed: true if another choice than the last one has to be
    /// made. The first look always makes one.
    bool update(const compile::Interest& interest, Time now);

    bool is_chosen() const { return chosen_; }

    /// No pod is unheard of. `listed`: what was asked for last has come.
    bool hears_all(bool listed) const { return chosen_ && !scopes_ && listed; }

    /// Something that nobody needs any more has been there long enough: worth a look without news.
    bool is_due(Time now) const;

    /// By scope_of(); nothing = of all tenants.
    const std::optional<std::set<std::string>>& scopes() const { return scopes_; }

    /// "of 3 tenants", "of all tenants: " and why.
    std::string text() const;

private:
    std::optional<std::set<std::string>> needed(const compile::Interest& interest, Time now);

    bool chosen_ = false;
    std::optional<std::set<std::string>> scopes_;
    std::string why_all_;
    std::map<std::string, Time> stay_until_; // scopes that are asked for; Time::max() = as long as they are needed
    std::optional<Time> all_until_;          // likewise, of all tenants
};

} // namespace bulkhead
