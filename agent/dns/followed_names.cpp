// SPDX-License-Identifier: Apache-2.0
#include "dns/followed_names.h"

#include <algorithm>

namespace bulkhead::dns {

namespace {

constexpr uint8_t kFamilies[] = {BH_IPV4, BH_IPV6};
constexpr auto kBurst = std::chrono::milliseconds(50); // worth of questions at once, so that a timer in ms will do

bool lacks(const FollowedQuestion& question) {
    return question.kept().empty() && question.last() && says_nothing_there(*question.last());
}

/// A family that a name never had is no error where there is the other one.
bool lacks_both(const FollowedQuestion& v4, const FollowedQuestion& v6) {
    return lacks(v4) && lacks(v6);
}

std::string error_of(const FollowedQuestion& v4, const FollowedQuestion& v6) {
    if (lacks_both(v4, v6) && v4.error().empty() && v6.error().empty())
        return *v4.last() == Outcome::kNoName ? "there is no such name (NXDOMAIN)" : "the name has no address (NODATA)";
    if (v4.error() == v6.error() || v6.error().empty()) return v4.error();
    if (v4.error().empty()) return v6.error();
    return "A: " + v4.error() + "; AAAA: " + v6.error();
}

} // namespace

std::vector<std::string> FollowedNames::follow(const std::set<std::string>& names, Time now) {
    std::vector<std::string> gone;
    std::set_difference(names_.begin(), names_.end(), names.begin(), names.end(), std::back_inserter(gone));
    for (const auto& name : gone)
        remove(name);
    std::vector<std::string> too_many;
    for (const auto& name : names) {
        if (names_.contains(name)) continue;
        if (names_.size() < settings_.most_names) {
            add(name, now);
        } else {
            too_many.push_back(name);
        }
    }
    return too_many;
}

void FollowedNames::add(const std::string& name, Time now) {
    names_.insert(name);
    for (const uint8_t family : kFamilies) {
        const Question question{.name = name, .family = family};
        questions_.emplace(question, Followed{.question = {settings_.keeping, settings_.pace}, .next = now});
        schedule_.emplace(now, question);
        ++unasked_;
    }
}

void FollowedNames::remove(const std::string& name) {
    names_.erase(name);
    for (const uint8_t family : kFamilies) {
        const auto found = questions_.find(Question{.name = name, .family = family});
        if (found->second.next) schedule_.erase({*found->second.next, found->first});
        if (!found->second.question.last()) --unasked_;
        questions_.erase(found);
    }
}

void FollowedNames::recall(const std::string& name, const std::vector<Address>& addresses) {
    for (const uint8_t family : kFamilies) {
        const auto found = questions_.find(Question{.name = name, .family = family});
        if (found == questions_.end() || found->second.question.was_answered()) continue;
        std::vector<Address> of_family;
        std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(of_family),
                     [&](const Address& address) { return address.family == family; });
        found->second.question.recall(of_family);
    }
}

std::vector<Question> FollowedNames::due(Time now) {
    const auto interval = std::chrono::nanoseconds(std::chrono::seconds(1)) / std::max(settings_.per_second, 1u);
    std::vector<Question> due;
    while (!schedule_.empty() && schedule_.begin()->first <= now && slot_ <= now + kBurst) {
        due.push_back(schedule_.begin()->second);
        schedule_.erase(schedule_.begin());
        questions_.at(due.back()).next.reset();
        slot_ = std::max(slot_, now) + interval;
    }
    return due;
}

bool FollowedNames::take(const Question& question, const Answer& answer, Time now) {
    const auto found = questions_.find(question);
    if (found == questions_.end() || found->second.next) return false; // of an earlier life of the name
    auto& followed = found->second;
    const auto before = followed.question.kept().all();
    if (!followed.question.last()) --unasked_;
    followed.next = now + followed.question.take(answer, settings_.never, now, random_);
    schedule_.emplace(*followed.next, question);
    return followed.question.kept().all() != before;
}

std::optional<Time> FollowedNames::wakes_at() const {
    if (schedule_.empty()) return std::nullopt;
    return std::max(schedule_.begin()->first, slot_ - kBurst);
}

std::vector<Address> FollowedNames::addresses(const std::string& name) const {
    std::vector<Address> all;
    for (const uint8_t family : kFamilies) {
        const auto found = questions_.find(Question{.name = name, .family = family});
        if (found == questions_.end()) continue;
        const auto kept = found->second.question.kept().all();
        all.insert(all.end(), kept.begin(), kept.end());
    }
    std::sort(all.begin(), all.end());
    return all;
}

NameState FollowedNames::state_of(const std::string& name) const {
    const auto& v4 = questions_.at({.name = name, .family = BH_IPV4});
    const auto& v6 = questions_.at({.name = name, .family = BH_IPV6});
    NameState state{.name = name, .addresses = addresses(name)};
    for (const auto* followed : {&v4, &v6}) {
        const auto& question = followed->question;
        state.in_grace += question.kept().in_grace();
        state.refused += question.refused();
        if (followed->next && (!state.next || *followed->next < *state.next)) state.next = followed->next;
        const auto named_at = question.kept().empty() ? std::nullopt : question.named_at();
        if (named_at && (!state.named_at || *named_at < *state.named_at)) state.named_at = named_at;
    }
    state.asked = v4.question.last() && v6.question.last();
    if (lacks(v4.question)) state.lacking.insert(BH_IPV4);
    if (lacks(v6.question)) state.lacking.insert(BH_IPV6);
    state.error = error_of(v4.question, v6.question);
    return state;
}

std::optional<NameState> FollowedNames::state(const std::string& name) const {
    if (!names_.contains(name)) return std::nullopt;
    return state_of(name);
}

std::vector<NameState> FollowedNames::states() const {
    std::vector<NameState> all;
    for (const auto& name : names_)
        all.push_back(state_of(name));
    return all;
}

std::chrono::milliseconds FollowedNames::overdue(Time now) const {
    if (schedule_.empty() || schedule_.begin()->first >= now) return std::chrono::milliseconds(0);
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - schedule_.begin()->first);
}

} // namespace bulkhead::dns
