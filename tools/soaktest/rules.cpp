// SPDX-License-Identifier: Apache-2.0
#include "rules.h"

#include <string_view>

namespace bulkhead::soak {

namespace {

using Standing = Rules::Standing;

bool is_protected(size_t ns, const Standing& standing) {
    return kNamespaces.at(ns).flips ? standing.swing_protected : kNamespaces.at(ns).guarded;
}

bool same_tenant(size_t one, size_t other) {
    const std::string_view tenant = kNamespaces.at(one).tenant;
    return one == other || (!tenant.empty() && tenant == kNamespaces.at(other).tenant);
}

bool granted(const Question& question, const Standing& standing) {
    if (question.port != kDoor) return false;
    if (question.to == kBank) return question.from == kShop;
    return question.to == kFickle && standing.fickle_grants && (question.from == kShop || question.from == kStreet);
}

bool exposed(const Question& question) {
    return question.to == kLedger && question.port == kDoor;
}

bool allowed(const Question& question, const Standing& standing) {
    return !is_protected(question.to, standing) || same_tenant(question.from, question.to) || exposed(question) ||
           granted(question, standing);
}

/// Allowed only because the destination's node knows whose address the source is; a full map may forget an address
/// on another node that isn't Protected's.
bool needs_to_know(const Question& question, const Standing& standing) {
    return question.crosses && is_protected(question.to, standing) && !is_protected(question.from, standing) &&
           !exposed(question);
}

} // namespace

Rules::Rules() {
    refresh();
}

void Rules::written(Switch which, bool on) {
    const std::scoped_lock lock(mutex_);
    (on ? switches_.at(which).on : switches_.at(which).off) = true;
    refresh();
}

void Rules::settled(Switch which, bool on) {
    const std::scoped_lock lock(mutex_);
    switches_.at(which) = {.on = on, .off = !on};
    refresh();
}

Ruling Rules::ruling(const Question& question) const {
    const std::scoped_lock lock(mutex_);
    return table_.at(question.from).at(question.to).at(question.port).at(question.crosses ? 1 : 0);
}

Word Rules::word(const Question& question) const {
    bool yes = false;
    bool no = false;
    for (const bool swing : {false, true})
        for (const bool fickle : {false, true}) {
            const auto& [swing_on, swing_off] = switches_[kSwingProtected];
            const auto& [fickle_on, fickle_off] = switches_[kFickleGrants];
            if (!(swing ? swing_on : swing_off) || !(fickle ? fickle_on : fickle_off)) continue;
            const Standing standing{.swing_protected = swing, .fickle_grants = fickle};
            const bool may = allowed(question, standing);
            yes |= may;
            no |= !may || lacks_room(question, standing);
        }
    if (yes && no) return Word::kEither;
    return yes ? Word::kYes : Word::kNo;
}

/// Allowed, but not while a map is full. What has its row keeps it, so most of it stays certain: of openings and
/// classes only those are excused that change meanwhile (an agent that starts then finds no room for them anew). A
/// Protected class without room is closed, and what answers its pods from another node has to pass that node's uplink.
bool Rules::lacks_room(const Question& question, const Standing& standing) const {
    if (switches_[kAddressesFull].on && needs_to_know(question, standing)) return true;
    if (switches_[kGrantsFull].on && granted(question, standing)) return true;
    const bool with_swing = question.to == kSwing || (question.from == kSwing && question.crosses);
    return switches_[kClassesFull].on && with_swing && is_protected(kSwing, standing);
}

void Rules::refresh() {
    const Time now = Clock::now();
    for (size_t from = 0; from < kNamespaces.size(); ++from)
        for (size_t to = 0; to < kNamespaces.size(); ++to)
            for (const Port port : {kPlain, kDoor})
                for (const bool crosses : {false, true}) {
                    Ruling& known = table_.at(from).at(to).at(port).at(crosses ? 1 : 0);
                    const Word next = word({from, to, port, crosses});
                    if (next != known.word || known.since == Time{}) known = {.word = next, .since = now};
                }
}

} // namespace bulkhead::soak
