// SPDX-License-Identifier: Apache-2.0
#include "compile/claims.h"

#include <algorithm>
#include <utility>

namespace bulkhead::compile {

namespace {

bool comes_before(const Claims::Entry* a, const Claims::Entry* b) {
    if (a->second.is_node != b->second.is_node) return b->second.is_node;
    // The one that has been there for longer is gone, and only the news of it isn't here yet: a slice outlives its
    // node, a status its pod.
    if (a->second.age() != b->second.age()) return a->second.age() > b->second.age();
    return a->first < b->first;
}

} // namespace

Identity* Claims::Record::identity_at(const Address& address) const {
    if (!by_address) return identity;
    const auto found = by_address->find(address);
    return found == by_address->end() ? identity : found->second;
}

const Claims::Entry* Claims::Claimants::winner() const {
    return first_;
}

const Claims::Entry* Claims::Claimants::rival() const {
    if (!more_ || more_->empty() || more_->front()->second.is_node) return nullptr;
    return more_->front();
}

void Claims::Claimants::add(const Entry* entry) {
    if (!first_) {
        first_ = entry;
        return;
    }
    if (!more_) more_ = std::make_unique<std::vector<const Entry*>>();
    if (comes_before(entry, first_)) std::swap(entry, first_);
    more_->insert(std::lower_bound(more_->begin(), more_->end(), entry, comes_before), entry);
}

bool Claims::Claimants::remove(const Entry* entry) {
    if (more_) std::erase(*more_, entry);
    if (first_ == entry) {
        first_ = nullptr;
        if (more_ && !more_->empty()) {
            first_ = more_->front();
            more_->erase(more_->begin());
        }
    }
    if (more_ && more_->empty()) more_.reset();
    return first_ == nullptr;
}

const Claims::Record* Claims::find(const state::PodKey& key) const {
    const auto found = records_.find(key);
    return found == records_.end() ? nullptr : &found->second;
}

void Claims::claim(Entry& entry, std::vector<Address> addresses, const state::Pod& pod) {
    auto& record = entry.second;
    const bool is_node = pod.common->host_network;
    record.from_slice = !pod.slice.empty();
    if (record.addresses == addresses && record.is_node == is_node && record.age() == pod.age()) return;
    withdraw(entry);
    record.addresses = std::move(addresses);
    record.is_node = is_node;
    record.dated = pod.dated();
    record.turn = pod.turn;
    for (const auto& address : record.addresses)
        claimants_[address].add(&entry);
}

void Claims::erase(const state::PodKey& key) {
    const auto found = records_.find(key);
    if (found == records_.end()) return;
    withdraw(*found);
    records_.erase(found);
}

void Claims::withdraw(const Entry& entry) {
    for (const auto& address : entry.second.addresses) {
        const auto found = claimants_.find(address);
        if (found != claimants_.end() && found->second.remove(&entry)) claimants_.erase(found);
    }
}

const Claims::Claimants* Claims::of(const Address& address) const {
    const auto found = claimants_.find(address);
    return found == claimants_.end() ? nullptr : &found->second;
}

void Claims::reserve(size_t pods) {
    records_.reserve(pods);
    claimants_.reserve(pods);
}

} // namespace bulkhead::compile
