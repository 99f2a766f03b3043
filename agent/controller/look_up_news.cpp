// SPDX-License-Identifier: Apache-2.0
#include "controller/look_up_news.h"

#include <algorithm>

#include "base/rfc3339.h"

namespace bulkhead::controller {

namespace {

using Nature = state::Problem::Nature;

constexpr auto kField = "spec.addresses";

state::Problem problem_of(const state::AwsResource& resource, std::string text, Nature nature) {
    return {.origin = resource.meta.origin,
            .object = "AWSResource " + resource.meta.name,
            .field = kField,
            .text = std::move(text),
            .nature = nature};
}

/// One in full, since one is mostly the cause of all: the first whose reason isn't told yet. Resolved has more of them.
std::string told_of(const std::vector<resolve::Trouble>& troubles, const std::set<std::string>& told) {
    auto one = std::ranges::find_if(troubles, [&](const auto& trouble) { return !told.contains(trouble.reason); });
    if (one == troubles.end()) one = troubles.begin();
    const auto count = troubles.size() == 1 ? "" : std::to_string(troubles.size()) + " look-ups fail; one: ";
    return count + one->reason + ": " + one->text;
}

bool has_untold(const std::vector<resolve::Trouble>& troubles, const std::set<std::string>& told) {
    return std::ranges::any_of(troubles, [&](const auto& trouble) { return !told.contains(trouble.reason); });
}

state::Time earliest(const std::vector<resolve::Trouble>& troubles) {
    return std::ranges::min_element(troubles, {}, &resolve::Trouble::since)->since;
}

} // namespace

LookUpNews::Pace LookUpNews::Pace::of(std::chrono::milliseconds interval, std::chrono::milliseconds events_again) {
    return {.lasting = interval / 2, .calm = interval * 2, .told = events_again * 5 / 6};
}

void LookUpNews::update(const state::Cluster& cluster, const Observed& observed, const Findings& findings, Time now) {
    std::map<std::string, Followed> after;
    for (const auto& [name, resource] : cluster.resources()) {
        const auto* finding = findings ? findings(name) : nullptr;
        if (finding == nullptr) continue;
        auto known = followed_.extract(name);
        auto& followed = after[name] = known ? std::move(known.mapped()) : begin(observed, name);
        update(resource, *finding, followed, now);
    }
    followed_ = std::move(after);
}

LookUpNews::Followed LookUpNews::begin(const Observed& observed, const std::string& name) {
    Followed followed;
    const auto* resource = observed.resources.find(name);
    const auto* resolved = resource == nullptr ? nullptr : find_condition(resource->status, "Resolved");
    if (resolved == nullptr || resolved->value("status", "") != "False") return followed;
    followed.is_failing = true;
    followed.since = resolved->value("lastTransitionTime", "");
    return followed;
}

void LookUpNews::update(const state::AwsResource& resource, const resolve::Finding& finding, Followed& followed,
                        Time now) const {
    const bool fails = !finding.troubles.empty();
    if (followed.told_until && *followed.told_until <= now) {
        followed.told.reset();
        followed.told_until.reset();
    }
    if (fails == followed.is_failing || (!fails && !finding.settled)) { // not everything was asked yet
        followed.other_since.reset();
        if (fails && has_untold(finding.troubles, followed.reasons)) tell(resource, finding, followed);
        return;
    }
    if (!followed.other_since) followed.other_since = now;
    if (now - *followed.other_since >= until_told(followed)) change(resource, finding, followed, now);
}

void LookUpNews::change(const state::AwsResource& resource, const resolve::Finding& finding, Followed& followed,
                        Time now) const {
    if (followed.is_failing) {
        const auto since = followed.since.empty() ? "" : "; something wasn't since " + followed.since;
        followed = {.told =
                        problem_of(resource, "everything that it names is answered again" + since, Nature::kAnswered),
                    .told_until = now + pace_.told};
        return;
    }
    followed = {.is_failing = true, .since = rfc3339(earliest(finding.troubles))};
    tell(resource, finding, followed);
}

void LookUpNews::tell(const state::AwsResource& resource, const resolve::Finding& finding, Followed& followed) {
    followed.told = problem_of(resource, told_of(finding.troubles, followed.reasons), Nature::kNotAnswered);
    for (const auto& trouble : finding.troubles)
        followed.reasons.insert(trouble.reason);
}

std::chrono::milliseconds LookUpNews::until_told(const Followed& followed) const {
    return followed.is_failing ? pace_.calm : pace_.lasting;
}

std::optional<LookUpNews::Time> LookUpNews::wakes_at() const {
    std::optional<Time> first;
    for (const auto& [name, followed] : followed_) {
        auto next = followed.told_until;
        if (followed.other_since) {
            const Time change = *followed.other_since + until_told(followed);
            next = std::min(next.value_or(change), change);
        }
        if (next) first = std::min(first.value_or(*next), *next);
    }
    return first;
}

std::vector<state::Problem> LookUpNews::those_of(Nature nature) const {
    std::vector<state::Problem> those;
    for (const auto& [name, followed] : followed_)
        if (followed.told && followed.told->nature == nature) those.push_back(*followed.told);
    return those;
}

} // namespace bulkhead::controller
