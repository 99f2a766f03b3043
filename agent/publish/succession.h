// SPDX-License-Identifier: Apache-2.0
//
// Which pods of this node have an address that another pod still seemed to have when netlink showed that it is theirs.
// What netlink shows holds now, what was told held some time ago: so they are that pod's heirs, whatever the dates of
// both say, and slices say so. No clock is asked, so none has to be right.
//
// An address moves within the node, and its former pod isn't withdrawn yet at the API server; or it comes from another
// node, and this one hears its slices. What isn't known here stays undecided: see compile/claims.h.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "state/cluster.h"

namespace bulkhead::publish {

/// From when a pod is told to have its addresses, where that is much later than it was made or bound: the node's
/// address manager had none left. An agent that came after that doesn't know, and takes the pod for older than it is
/// there, never for younger.
std::optional<state::Time> since_of(const state::Pod& pod, const state::LocalPod& local);

/// How old it is told to be if it is nobody's heir.
state::Age own_age(const state::Pod& pod, const state::LocalPod& local);

class Succession {
public:
    /// The age of the youngest pod that is told to have this address, besides that one; nothing: none is.
    using Claim = std::function<std::optional<state::Age>(const Address&, const state::PodKey& besides)>;

    /// After netlink's news, and in the order in which they came.
    void update(const state::Cluster& cluster, const Claim& claim);

    /// All that the API server has is as of the last update: nobody is told any more of who had an address before.
    void forget_former();

    /// Addresses whose former pod is remembered. While the API server is away, a node whose pods come and go (in IPv6
    /// hardly any address comes twice) would have more and more of them. When there are so many, all are forgotten but
    /// how old the youngest of them was: whoever gets an address from then on is told as its heir, and so comes after
    /// whichever of them had it. That takes an address from nobody, since who is told has it by netlink.
    static constexpr size_t kMostFormer = 4096;

    /// What that pod's age is at least; nothing: whatever its own says.
    std::optional<state::Age> of(const state::LocalPod& local) const;

private:
    struct Holder {
        state::PodKey pod;
        state::Age age;
        std::set<Address> addresses{};
        std::optional<state::Age> heir{};
    };

    void remember(const Address& address, const state::PodKey& pod, const state::Age& age);
    void let_go(const Holder& holder, const std::set<Address>& kept);
    void take(Holder& holder, const Address& address, const Claim& claim);

    struct Former {
        state::PodKey pod;
        state::Age age;
    };
    std::map<uint32_t, Holder> holders_; // by generation
    std::map<Address, Former> former_;   // of this node's pods, the last one of each
    std::optional<state::Age> youngest_; // of those that were too many
};

} // namespace bulkhead::publish
