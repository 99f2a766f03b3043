// SPDX-License-Identifier: Apache-2.0
#include "controller/event_queue.h"

#include <algorithm>

#include "controller/events.h"

namespace bulkhead::controller {

namespace {

using Nature = state::Problem::Nature;

// No namespace is called so. Good news has a turn of its own, so that it leaves bad news its places.
constexpr auto kLookUps = "(look-ups)", kAnswered = "(look-ups that are answered)";

/// A Namespace is its tenant's as well: deputies copy labels that tenants wrote. Nothing: no Event can be about it.
std::optional<std::string> namespace_of(const state::Problem& problem) {
    const auto concerned = concerned_by(problem);
    if (!concerned) return std::nullopt;
    if (problem.nature == Nature::kNotAnswered) return kLookUps;
    if (problem.nature == Nature::kAnswered) return kAnswered;
    return concerned->key.kind == "Namespace" ? concerned->key.name : concerned->key.ns;
}

template <typename Due>
const state::Problem* first_due(const Due& due, EventQueue::Time now) {
    const auto first = std::ranges::min_element(due, {}, [](const auto& one) { return one.second.due; });
    return first == due.end() || first->second.due > now ? nullptr : &first->first;
}

} // namespace

EventQueue::Due* EventQueue::find(const std::string& ns, const state::Problem& problem) {
    const auto due = by_namespace_.find(ns);
    return due == by_namespace_.end() || !due->second.contains(problem) ? nullptr : &due->second;
}

/// Those that are known keep their place among the few of a namespace: else they would be told again whenever they
/// got it back.
void EventQueue::set_problems(const std::vector<state::Problem>& problems) {
    std::map<std::string, Due> now;
    std::vector<std::pair<std::string, const state::Problem*>> fresh;
    for (const auto& problem : problems) {
        auto ns = namespace_of(problem);
        if (!ns) continue;
        if (const auto* due = find(*ns, problem))
            now[*ns].emplace(problem, due->at(problem));
        else
            fresh.emplace_back(std::move(*ns), &problem);
    }
    for (const auto& [ns, problem] : fresh)
        if (auto& due = now[ns]; ns.empty() || due.size() < kMostOfNamespace) due.try_emplace(*problem);
    by_namespace_ = std::move(now);
}

const state::Problem* EventQueue::next(Time now) const {
    if (const auto platform = by_namespace_.find(""); platform != by_namespace_.end())
        if (const auto* problem = first_due(platform->second, now)) return problem;
    const auto turn = by_namespace_.upper_bound(last_);
    for (auto due = turn; due != by_namespace_.end(); ++due)
        if (const auto* problem = first_due(due->second, now)) return problem;
    for (auto due = by_namespace_.begin(); due != turn; ++due)
        if (const auto* problem = first_due(due->second, now)) return problem;
    return nullptr;
}

void EventQueue::begin(const state::Problem& problem) {
    if (const auto ns = namespace_of(problem); ns && !ns->empty()) last_ = *ns;
}

void EventQueue::put_off(const state::Problem& problem, Time until) {
    const auto ns = namespace_of(problem);
    if (auto* due = ns ? find(*ns, problem) : nullptr) due->at(problem) = {.due = until};
}

void EventQueue::fail(const state::Problem& problem, Time now) {
    const auto ns = namespace_of(problem);
    auto* due = ns ? find(*ns, problem) : nullptr;
    if (due == nullptr) return;
    auto& turn = due->at(problem);
    turn.pause = std::clamp(turn.pause * 2, kFirstPause, kLongestPause);
    turn.due = now + turn.pause;
}

bool EventQueue::any_failed() const {
    for (const auto& [ns, due] : by_namespace_)
        if (std::ranges::any_of(due, [](const auto& one) { return one.second.pause.count() != 0; })) return true;
    return false;
}

std::optional<EventQueue::Time> EventQueue::wakes_at() const {
    std::optional<Time> first;
    for (const auto& [ns, due] : by_namespace_)
        for (const auto& [problem, turn] : due)
            first = std::min(first.value_or(turn.due), turn.due);
    return first;
}

} // namespace bulkhead::controller
