// SPDX-License-Identifier: Apache-2.0
//
// "May SRC reach DST?" answered by the program that the kernel runs: rehearses the first packet at the hooks
// that it passes here, in its order, and names the line, both identities and the object that decided. Where
// another node's hook judges, says which node's: the destination's, and for line 2 the source's before that.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "datapath/hook.h"
#include "datapath/test_run.h"
#include "observe/party.h"

namespace bulkhead::observe {

struct Question {
    std::string src; // see find_party
    std::string dst;
    std::string protocol;         // TCP, UDP, SCTP, ICMP in any case; empty = TCP, or an ICMP echo without a port
    std::optional<uint16_t> port; // needed but for ICMP
    uint8_t family = 0;           // enum bh_family; 0 = IPv4 where both parties have it
};

/// What explain needs of the kernel and of netlink.
struct Stage {
    std::function<Result<datapath::Rehearsal>(datapath::Hook, std::span<const std::byte>,
                                              const datapath::Circumstances&)>
        rehearse;
    std::function<std::string(uint32_t)> interface_name;
    std::set<uint32_t> uplinks;
    bool armed = false; // else nothing is dropped, whatever the rule says
};

/// An error is the asker's: an unknown name, a missing port.
Result<Json> explain(const Question& question, const Surroundings& here, const Stage& stage);

} // namespace bulkhead::observe
