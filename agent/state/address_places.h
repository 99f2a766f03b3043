// SPDX-License-Identifier: Apache-2.0
//
// Which place in its row of the pods map each address of a pod has. The flow memory knows the pod's own
// addresses by these places only, so an address keeps its place for as long as the pod has it, and what is
// remembered of one that went is not soon taken for another's: a place that fell free goes back to the
// address that had it, else a new address takes the one that is free longest. One thread.
#pragma once

#include <array>
#include <vector>

#include "base/address.h"

namespace bulkhead::state {

class AddressPlaces {
public:
    /// Before the first update(): as in this row, which an agent before us wrote.
    void restore(const bh_pod& row);

    /// The pod has these addresses now. Those for which no place is left have none.
    void update(const std::vector<Address>& addresses);

    /// Writes the addresses into `row`.
    void fill(bh_pod& row) const;

    bool operator==(const AddressPlaces&) const = default;

private:
    struct Place {
        Address address{}; // who is or was there
        bool taken = false;
        uint32_t freed = 0; // 0 = never used, else the higher the later
        bool operator==(const Place&) const = default;
    };
    using Places = std::array<Place, BH_POD_ADDRESSES>;

    Places& of(const Address& address) { return address.family == BH_IPV4 ? places4_ : places6_; }
    void leave(Places& places, const std::vector<Address>& addresses);
    void settle(const Address& address);

    Places places4_{};
    Places places6_{};
    uint32_t last_freed_ = 0;
};

} // namespace bulkhead::state
