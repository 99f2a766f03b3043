// SPDX-License-Identifier: Apache-2.0
//
// The host names of all resources: which of them DNS is asked for, if there are too many, what each has, and since when
// one isn't answered. Which names a resource has is the Finder's to say.
//
// One thread, the loop's. on_change is called from the loop, never from a method of ours.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/metrics.h"
#include "dns/follower.h"
#include "resolve/finding.h"
#include "state/owner_tags.h"

namespace bulkhead::resolve {

/// Of a resource's name: why it is one, and whose.
struct NameOwners {
    std::set<state::OwnerTags> now{};  // by AWS' last answers
    std::set<state::OwnerTags> kept{}; // by earlier ones
    bool is_named = false;             // by the resource, or by AWS' last answers
    bool is_written = false;           // by the resource
};
using NamesOfResource = std::map<std::string, NameOwners>;

class Names {
public:
    using Time = std::chrono::steady_clock::time_point;

    Names(Loop& loop, std::vector<dns::Server> servers, const dns::Settings& settings, std::function<void()> on_change);

    /// Exactly these from now on. If there are too many, those come first that have addresses, which would be open to
    /// all without them; then those that somebody wrote down, and then those that are followed already.
    void follow(const std::vector<NamesOfResource>& of_all);

    /// See FollowedNames. False: it isn't followed.
    bool recall(const std::string& name, const std::set<Cidr>& had);

    std::vector<Address> addresses(const std::string& name) const;

    /// Families of which one of these has no address, as DNS says.
    std::set<uint8_t> lacking_in(const NamesOfResource& names) const;

    /// What these have, and what is wrong with them.
    void tell(const NamesOfResource& names, const std::optional<Earlier>& earlier, Evidence& evidence,
              Finding& finding);

    /// Whether any name is asked for; also who can't ask would.
    bool asks() const { return !follower_ || !follower_->names().states().empty(); }

    metrics::Families metrics(Time now) const;

private:
    /// Of a name, worked out once for each answer and each failure, so that the same has the same.
    struct Dates {
        std::optional<Time> answer{};          // the last good one
        std::optional<state::Time> answered{}; // the same, by the calendar
        std::optional<state::Time> failing{};  // since, by the calendar; meanwhile `answered` stays
    };

    void note_answer(const dns::NameState& state);
    void tell_trouble(const std::string& name, const std::string& error, const std::optional<Earlier>& earlier,
                      Finding& finding);
    Trouble too_many(const std::vector<std::string>& unfollowed);

    const size_t most_;
    std::unique_ptr<dns::Follower> follower_;
    std::string error_;                  // why there is none
    size_t wanted_ = 0;                  // followed or not
    std::map<std::string, Dates> dates_; // by name
};

} // namespace bulkhead::resolve
