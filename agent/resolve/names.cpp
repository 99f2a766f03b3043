// SPDX-License-Identifier: Apache-2.0
#include "resolve/names.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "dns/metrics.h"
#include "state/cluster.h"

namespace bulkhead::resolve {

namespace {

constexpr auto kTooManyNames = "TooManyNames";
constexpr size_t kMostTold = 3; // names that aren't followed, of a resource

} // namespace

Names::Names(Loop& loop, std::vector<dns::Server> servers, const dns::Settings& settings,
             std::function<void()> on_change)
    : most_(settings.most_names) {
    auto follower = dns::Follower::create(loop, std::move(servers), settings, std::move(on_change));
    if (follower)
        follower_ = std::move(*follower);
    else
        error_ = follower.error().text;
}

void Names::follow(const std::vector<NamesOfResource>& of_all) {
    if (!follower_) return;
    std::set<std::string> names, wanted;
    for (const auto& of_one : of_all)
        for (const auto& [name, owners] : of_one) {
            wanted.insert(name);
            if (owners.is_written || !addresses(name).empty()) names.insert(name);
        }
    wanted_ = wanted.size();
    for (const bool is_followed : {true, false})
        for (const auto& name : wanted)
            if (names.size() < most_ && follower_->names().state(name).has_value() == is_followed) names.insert(name);
    follower_->follow(names); // one that is too many has no state
    std::erase_if(dates_, [&](const auto& one) { return !names.contains(one.first) && !wanted.contains(one.first); });
}

bool Names::recall(const std::string& name, const std::set<Cidr>& had) {
    if (!follower_ || !follower_->names().state(name)) return false;
    std::vector<Address> addresses;
    for (const auto& cidr : had)
        addresses.push_back(cidr.address);
    follower_->recall(name, addresses);
    return true;
}

std::vector<Address> Names::addresses(const std::string& name) const {
    return follower_ ? follower_->names().addresses(name) : std::vector<Address>{};
}

std::set<uint8_t> Names::lacking_in(const NamesOfResource& names) const {
    std::set<uint8_t> lacking;
    if (!follower_) return lacking;
    for (const auto& [name, owners] : names)
        if (const auto state = follower_->names().state(name))
            lacking.insert(state->lacking.begin(), state->lacking.end());
    return lacking;
}

void Names::tell(const NamesOfResource& names, const std::optional<Earlier>& earlier, Evidence& evidence,
                 Finding& finding) {
    std::vector<std::string> unfollowed;
    const auto before_names = finding.troubles.end() - finding.troubles.begin();
    for (const auto& [name, owners] : names) {
        const auto state = follower_ ? follower_->names().state(name) : std::nullopt;
        if (state) {
            for (const auto& address : state->addresses) {
                if (owners.is_named) evidence.now.add(Cidr::of(address), owners.now);
                evidence.kept.add(Cidr::of(address), owners.kept);
            }
            finding.settled &= state->asked;
            note_answer(*state);
            if (!state->error.empty()) tell_trouble(name, state->error, earlier, finding);
        } else if (!follower_) {
            tell_trouble(name, error_, earlier, finding);
        } else {
            unfollowed.push_back(name);
        }
    }
    // Before what is wrong with single names: of those only a few are told.
    if (!unfollowed.empty()) finding.troubles.insert(finding.troubles.begin() + before_names, too_many(unfollowed));
}

/// While one family fails the other may go on answering: of these one is told, so that what is told stays the same.
void Names::note_answer(const dns::NameState& state) {
    auto& dates = dates_[state.name];
    if (state.error.empty()) dates.failing.reset();
    if (!state.named_at) { // nothing is in force any more
        dates.answer.reset();
        dates.answered.reset();
        return;
    }
    if ((dates.failing && dates.answered) || dates.answer == state.named_at) return;
    dates.answer = state.named_at;
    dates.answered = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() -
                                                              (std::chrono::steady_clock::now() - *state.named_at));
}

void Names::tell_trouble(const std::string& name, const std::string& error, const std::optional<Earlier>& earlier,
                         Finding& finding) {
    auto& dates = dates_[name];
    if (!dates.failing) dates.failing = state::Cluster::machine_time();
    finding.troubles.push_back({.reason = kNameTrouble,
                                .text = name + ": " + error + dates_of_trouble(*dates.failing, dates.answered, earlier),
                                .asked = {},
                                .since = *dates.failing});
}

Trouble Names::too_many(const std::vector<std::string>& unfollowed) {
    auto since = state::Cluster::machine_time();
    for (const auto& name : unfollowed) {
        auto& failing = dates_[name].failing;
        if (!failing) failing = state::Cluster::machine_time();
        since = std::min(since, *failing);
    }
    std::string some;
    for (size_t i = 0; i < std::min(unfollowed.size(), kMostTold); ++i)
        some += (i == 0 ? "" : ", ") + unfollowed[i];
    if (unfollowed.size() > kMostTold) some += " and " + std::to_string(unfollowed.size() - kMostTold) + " more";
    return {.reason = kTooManyNames,
            .text = some + (unfollowed.size() == 1 ? " is" : " are") + " not followed: AWSResources have " +
                    std::to_string(wanted_) + " names in all, and at most " + std::to_string(most_) +
                    " are; --dns-names raises that bound",
            .asked = {},
            .since = since};
}

metrics::Families Names::metrics(Time now) const {
    if (!follower_) return {};
    auto families = dns::metrics_of(*follower_, now);
    families.push_back(metrics::gauge("bulkhead_dns_names_left_out",
                                      "Names of AWSResources that aren't followed, because there are too many.",
                                      wanted_ - follower_->names().size()));
    return families;
}

} // namespace bulkhead::resolve
