// SPDX-License-Identifier: Apache-2.0
#include "resolve/answers.h"

#include <algorithm>
#include <utility>

#include "aws/refusal.h"

namespace bulkhead::resolve {

namespace {

/// Texts have requests' ids and seconds in them. Of failures alike the first stands for all, so that a status isn't
/// written anew at each try. Who isn't even asked for a while, after a refusal, hears nothing new.
bool is_same(const std::optional<aws::Failure>& before, const aws::Failure& now) {
    if (!before || before->kind != now.kind) return false;
    return before->code == now.code || (aws::is_passing(now.kind) && now.code.empty());
}

/// What isn't named any more is whose it was.
template <typename Owners, typename Kept>
void keep_owners(const Owners& before, const Kept& kept, Owners& now) {
    for (const auto& item : kept)
        if (const auto of_it = before.find(item); of_it != before.end()) now.insert(*of_it);
}

} // namespace

void Answers::follow(const std::set<Question>& questions) {
    std::erase_if(followed_, [&](const auto& one) { return !questions.contains(one.first); });
    for (const auto& question : questions)
        followed_.try_emplace(question);
}

void Answers::recall(const Question& question, const Found& found) {
    const auto followed = followed_.find(question);
    if (followed == followed_.end() || followed->second.state.answered_at) return;
    auto& [state, cidrs, names] = followed->second;
    cidrs.take(found.cidrs, Milliseconds(0), grace_);
    names.take(found.names, Milliseconds(0), grace_);
    state.cidrs = state.kept_cidrs = cidrs.all();
    state.names = state.kept_names = names.all();
    state.owners.insert(found.owners.begin(), found.owners.end());
    state.name_owners.insert(found.name_owners.begin(), found.name_owners.end());
}

bool Answers::take(const Outcome& outcome, Time now, state::Time date) {
    const auto followed = followed_.find(outcome.question);
    if (followed == followed_.end()) return false;
    auto& [state, cidrs, names] = followed->second;
    if (!outcome.found) {
        if (!state.failure) state.failing_since = date;
        if (!is_same(state.failure, outcome.found.error())) state.failure = outcome.found.error();
        return false;
    }
    Milliseconds elapsed{0};
    if (state.is_well()) elapsed = std::chrono::duration_cast<Milliseconds>(now - *state.answered_at);
    elapsed = std::min(elapsed, grace_ / 2); // AWS' answers are consistent only in the end: never by a single one
    cidrs.take(outcome.found->cidrs, elapsed, grace_);
    names.take(outcome.found->names, elapsed, grace_);
    State after{.cidrs = cidrs.all(),
                .names = names.all(),
                .owners = outcome.found->owners,
                .name_owners = outcome.found->name_owners,
                .kept_cidrs = cidrs.unnamed(),
                .kept_names = names.unnamed(),
                .answered_at = now,
                .date = date,
                .failure = {}};
    keep_owners(state.owners, after.kept_cidrs, after.owners);
    keep_owners(state.name_owners, after.kept_names, after.name_owners);
    const State before = std::exchange(state, std::move(after));
    return before.cidrs != state.cidrs || before.names != state.names || before.owners != state.owners ||
           before.name_owners != state.name_owners;
}

const Answers::State& Answers::state(const Question& question) const {
    static const State kNone;
    const auto followed = followed_.find(question);
    return followed == followed_.end() ? kNone : followed->second.state;
}

std::chrono::seconds Answers::oldest(Time now) const {
    std::chrono::seconds oldest{0};
    for (const auto& [question, followed] : followed_)
        if (followed.state.answered_at)
            oldest =
                std::max(oldest, std::chrono::duration_cast<std::chrono::seconds>(now - *followed.state.answered_at));
    return oldest;
}

} // namespace bulkhead::resolve
