// SPDX-License-Identifier: Apache-2.0
#include "state/address_places.h"

#include <algorithm>

namespace bulkhead::state {

namespace {

Address from4(uint32_t raw) {
    return Address::from(bh_addr{.word = {raw, 0, 0, 0}}, BH_IPV4);
}

} // namespace

void AddressPlaces::restore(const bh_pod& row) {
    for (size_t i = 0; i < BH_POD_ADDRESSES; ++i) {
        const auto address4 = from4(row.addr4[i]);
        const auto address6 = Address::from(row.addr6[i], BH_IPV6);
        if (address4 != from4(0)) places4_[i] = {.address = address4, .taken = true};
        if (address6 != Address::from(bh_addr{}, BH_IPV6)) places6_[i] = {.address = address6, .taken = true};
    }
}

void AddressPlaces::update(const std::vector<Address>& addresses) {
    leave(places4_, addresses);
    leave(places6_, addresses);
    for (const auto& address : addresses)
        settle(address);
}

void AddressPlaces::leave(Places& places, const std::vector<Address>& addresses) {
    for (auto& place : places) {
        if (!place.taken || std::find(addresses.begin(), addresses.end(), place.address) != addresses.end()) continue;
        place.taken = false;
        place.freed = ++last_freed_;
    }
}

void AddressPlaces::settle(const Address& address) {
    Place* best = nullptr;
    for (auto& place : of(address)) {
        const bool its_own = place.address == address && (place.taken || place.freed != 0);
        if (place.taken && its_own) return;
        if (place.taken) continue;
        if (its_own) {
            best = &place;
            break;
        }
        if (best == nullptr || place.freed < best->freed) best = &place;
    }
    if (best != nullptr) *best = {.address = address, .taken = true, .freed = best->freed};
}

void AddressPlaces::fill(bh_pod& row) const {
    for (size_t i = 0; i < BH_POD_ADDRESSES; ++i) {
        if (places4_[i].taken) row.addr4[i] = places4_[i].address.raw4();
        if (places6_[i].taken) row.addr6[i] = places6_[i].address.raw();
    }
}

} // namespace bulkhead::state
