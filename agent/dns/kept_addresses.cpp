// SPDX-License-Identifier: Apache-2.0
#include "dns/kept_addresses.h"

#include <algorithm>

namespace bulkhead::dns {

using std::chrono::milliseconds;

void KeptAddresses::take_named(std::span<const Address> named, milliseconds elapsed) {
    none_for_ = milliseconds(0);
    for (auto& [address, unnamed_for] : unnamed_for_)
        unnamed_for += std::max(elapsed, milliseconds(1)); // those of this answer are set back in a moment
    add(named);
    std::erase_if(unnamed_for_, [&](const auto& entry) { return entry.second > keeping_.grace; });
}

void KeptAddresses::take_also(std::span<const Address> named) {
    none_for_ = milliseconds(0);
    add(named);
}

void KeptAddresses::take_none(milliseconds elapsed) {
    none_for_ += std::max(elapsed, milliseconds(1));
    left_out_ = 0;
    if (none_for_ > keeping_.gone) unnamed_for_.clear();
}

void KeptAddresses::recall(std::span<const Address> addresses) {
    add(addresses);
}

void KeptAddresses::add(std::span<const Address> named) {
    left_out_ = 0;
    for (const auto& address : named)
        if (const auto known = unnamed_for_.find(address); known != unnamed_for_.end()) known->second = milliseconds(0);
    for (const auto& address : named) {
        if (unnamed_for_.contains(address)) continue;
        if (unnamed_for_.size() < keeping_.most || make_room()) {
            unnamed_for_.emplace(address, 0);
        } else {
            ++left_out_;
        }
    }
}

bool KeptAddresses::make_room() {
    const auto longest = std::max_element(unnamed_for_.begin(), unnamed_for_.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
    if (longest == unnamed_for_.end() || longest->second == milliseconds(0)) return false;
    unnamed_for_.erase(longest);
    return true;
}

std::vector<Address> KeptAddresses::all() const {
    std::vector<Address> addresses;
    for (const auto& [address, unnamed_for] : unnamed_for_)
        addresses.push_back(address);
    return addresses;
}

size_t KeptAddresses::in_grace() const {
    if (none_for_ > milliseconds(0)) return unnamed_for_.size();
    return static_cast<size_t>(std::count_if(unnamed_for_.begin(), unnamed_for_.end(),
                                             [](const auto& entry) { return entry.second > milliseconds(0); }));
}

} // namespace bulkhead::dns
