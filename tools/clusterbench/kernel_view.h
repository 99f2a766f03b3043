// SPDX-License-Identifier: Apache-2.0
//
// What the programs of the agent under test see.
#pragma once

#include <optional>

#include "base/address.h"
#include "datapath/maps.h"

namespace bulkhead::bench {

class KernelView {
public:
    /// Of a running agent.
    static Result<KernelView> open();

    std::optional<uint32_t> identity_of(const Address& address) const;
    bool is_protected(const Address& address) const;
    /// Everybody may reach `port` of it.
    bool exposes(const Address& address, uint16_t port) const;
    /// A grant to `from`, and to those who are like it.
    bool grants(const Address& to, const Address& from) const;

private:
    KernelView() = default;

    Map<uint32_t, bh_endpoint> endpoints_;
    Map<uint32_t, bh_identity> identities_;
    Map<bh_opening_key, bh_openings> openings_;
};

} // namespace bulkhead::bench
