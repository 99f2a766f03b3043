// SPDX-License-Identifier: Apache-2.0
#include "compile/identities.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace bulkhead::compile {

namespace {

std::string canonical_text(const Traits& traits, const Rules& rules) {
    std::string text = traits.what + "\n" + traits.tenant + "\n" + std::to_string(traits.flags);
    for (const auto& accepts : traits.accepts) {
        text += "\nto " + rules.list[accepts.rule].text;
        if (!accepts.ranges.empty()) text += " on " + text_of(accepts.ranges);
    }
    for (const auto rule : traits.may)
        text += "\nfrom " + rules.list[rule].text;
    if (!traits.exposed.empty()) text += "\nexposes " + text_of(traits.exposed);
    return text;
}

uint64_t key_hash(const std::string& text) {
    const auto hash = fnv1a_64(text);
    return hash == 0 ? 1 : hash; // 0 = a free id
}

} // namespace

IdentityTable::IdentityTable(const std::map<uint64_t, IdentityId>& known, IdentityId limit) : limit_(limit) {
    for (const auto& [hash, id] : known)
        if (id >= BH_IDENTITY_FIRST_FREE && known_ids_.insert(id).second) known_.emplace(hash, id);
    reserved_ = known_ids_;
}

void IdentityTable::begin(bool anew) {
    free_.insert(freed_.begin(), freed_.end());
    freed_.clear();
    if (anew) previous_ = std::exchange(all_, {});
}

Identity& IdentityTable::intern(Traits traits, const Rules& rules, IdentityId builtin) {
    auto text = canonical_text(traits, rules);
    auto& slot = all_[text];
    if (slot) return *slot;
    slot = std::make_unique<Identity>();
    slot->hash = key_hash(text);
    slot->text = std::move(text);
    slot->traits = std::move(traits);
    slot->id = builtin;
    fresh_.push_back(slot.get());
    return *slot;
}

void IdentityTable::release(Identity& identity) {
    if (--identity.holders == 0) idle_.push_back(&identity);
}

void IdentityTable::note_move(IdentityId before, Identity& now) {
    if (before < BH_IDENTITY_FIRST_FREE) return;
    auto& from = moved_from_[before];
    from.several |= from.identity && from.identity != &now;
    from.identity = &now;
    auto& to = moved_to_[&now];
    to.several |= to.id != 0 && to.id != before;
    to.id = before;
}

/// Moves the classes that nobody holds out of the table. `idle_` may name some of the last generation.
std::vector<std::unique_ptr<Identity>> IdentityTable::take_unheld() {
    std::vector<std::unique_ptr<Identity>> gone;
    idle_.insert(idle_.end(), fresh_.begin(), fresh_.end());
    std::sort(idle_.begin(), idle_.end());
    idle_.erase(std::unique(idle_.begin(), idle_.end()), idle_.end());
    for (auto* identity : idle_) {
        if (identity->holders != 0) continue;
        const auto found = all_.find(identity->text);
        if (found == all_.end() || found->second.get() != identity) continue;
        std::erase(fresh_, identity);
        give_back(identity->id);
        gone.push_back(std::move(found->second));
        all_.erase(found);
    }
    idle_.clear();
    return gone;
}

/// An id without room is given up where there is a better one.
bool IdentityTable::is_worth_keeping(IdentityId id) const {
    return id < limit_ || free_.empty() || *free_.begin() >= limit_;
}

void IdentityTable::adopt_same() {
    for (auto* identity : fresh_) {
        const auto before = previous_.find(identity->text);
        if (before == previous_.end() || identity->id != 0) continue;
        if (is_worth_keeping(before->second->id)) identity->id = std::exchange(before->second->id, 0);
    }
}

/// A class all of whose endpoints came from one class that is no more, and that gave to no other.
void IdentityTable::adopt_moved() {
    std::unordered_map<IdentityId, Identity*> orphans;
    for (const auto& [text, identity] : previous_)
        if (identity->id >= BH_IDENTITY_FIRST_FREE) orphans.emplace(identity->id, identity.get());
    for (auto* identity : fresh_) {
        const auto to = moved_to_.find(identity);
        if (identity->id != 0 || to == moved_to_.end() || to->second.several) continue;
        const auto orphan = orphans.find(to->second.id);
        if (orphan == orphans.end() || moved_from_[to->second.id].several) continue;
        if (!is_worth_keeping(to->second.id)) continue;
        identity->id = std::exchange(orphan->second->id, 0);
    }
    for (const auto& [text, identity] : previous_)
        give_back(identity->id);
    previous_.clear();
    moved_from_.clear();
    moved_to_.clear();
}

void IdentityTable::allot() {
    for (auto* identity : fresh_) {
        if (identity->id != 0) continue;
        if (const auto known = known_.find(identity->hash);
            known != known_.end() && reserved_.erase(known->second) != 0)
            identity->id = known->second;
        else
            identity->id = next_free();
    }
}

void IdentityTable::release_known() {
    freed_.insert(freed_.end(), reserved_.begin(), reserved_.end());
    reserved_.clear();
}

bool IdentityTable::has_room_again() const {
    if (next_ <= limit_) return false;
    const auto has_room = [this](IdentityId id) { return id < limit_; };
    if (std::ranges::none_of(free_, has_room) && std::ranges::none_of(freed_, has_room)) return false;
    return std::ranges::any_of(all_, [&](const auto& entry) { return !has_room(entry.second->id); });
}

IdentityId IdentityTable::next_free() {
    if (!free_.empty()) return free_.extract(free_.begin()).value();
    while (known_ids_.contains(next_))
        ++next_;
    return next_++;
}

void IdentityTable::give_back(IdentityId id) {
    if (id >= BH_IDENTITY_FIRST_FREE) freed_.push_back(id);
}

IdentityTable::Outcome IdentityTable::finish() {
    Outcome outcome;
    outcome.gone = take_unheld();
    std::sort(fresh_.begin(), fresh_.end(), [](const auto* a, const auto* b) { return a->text < b->text; });
    adopt_same();
    adopt_moved();
    allot();
    outcome.born = std::exchange(fresh_, {});
    return outcome;
}

} // namespace bulkhead::compile
