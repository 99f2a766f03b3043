// SPDX-License-Identifier: Apache-2.0
//
// Which pods say that an address is theirs. Indexed both ways, so that one changed pod costs its own
// addresses and their rivals, and nothing else. Sized for a hundred thousand pods: an address with one
// claimant, nearly all of them, needs no list.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "compile/identities.h"

namespace bulkhead::compile {

class Claims {
public:
    struct Record {
        Identity* identity = nullptr; // held; nullptr = finished
        /// Of addresses where it is something else as well, cluster DNS say; held. Nearly nobody has any.
        std::unique_ptr<std::map<Address, Identity*>> by_address{};
        bool is_node = false;    // hostNetwork: the addresses are its node's
        bool from_slice = false; // another node's word, not a Pod object's
        uint32_t turn = 0;       // of its age
        std::optional<state::Time> dated{};
        std::vector<Address> addresses;

        Identity* identity_at(const Address& address) const;
        state::Age age() const { return {dated, turn}; }
    };
    using Records = std::unordered_map<state::PodKey, Record>;
    using Entry = Records::value_type;

    /// The pods that claim one address.
    class Claimants {
    public:
        /// Pods before hostNetwork pods, then the younger; of those of one age, of which nobody knows who has the
        /// address, the first by name. Never nullptr.
        const Entry* winner() const;
        /// The first in that order of whom it holds; nullptr = of nobody.
        template <typename Predicate>
        const Entry* first_that(Predicate holds) const {
            if (holds(*first_)) return first_;
            if (more_)
                for (const auto* entry : *more_)
                    if (holds(*entry)) return entry;
            return nullptr;
        }
        /// The next pod after the winner; nullptr if there is none (a hostNetwork pod is no rival).
        const Entry* rival() const;

    private:
        friend class Claims;
        void add(const Entry* entry);
        bool remove(const Entry* entry); // true: none is left

        const Entry* first_ = nullptr;
        std::unique_ptr<std::vector<const Entry*>> more_; // sorted after first_
    };

    Entry& record(const state::PodKey& key) { return *records_.try_emplace(key).first; }
    const Record* find(const state::PodKey& key) const;
    const Records& records() const { return records_; }

    /// Replaces what the pod claims.
    void claim(Entry& entry, std::vector<Address> addresses, const state::Pod& pod);
    void erase(const state::PodKey& key);

    /// nullptr: nobody.
    const Claimants* of(const Address& address) const;
    const std::unordered_map<Address, Claimants>& all() const { return claimants_; }

    void reserve(size_t pods);

private:
    void withdraw(const Entry& entry);

    Records records_;
    std::unordered_map<Address, Claimants> claimants_;
};

} // namespace bulkhead::compile
