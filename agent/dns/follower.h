// SPDX-License-Identifier: Apache-2.0
//
// Follows names on the loop: FollowedNames says what to ask and what it means, a Resolver asks. Whoever wants the
// addresses of names says follow() as often as it likes, is told when some have changed, and reads them.
//
// One thread, the loop's. on_change is called from the loop, never from a method of ours.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/loop.h"
#include "dns/followed_names.h"
#include "dns/resolver.h"

namespace bulkhead::dns {

class Follower {
public:
    /// `servers`: see Resolver. No name may bring along an address of theirs: who protects it cuts everybody off from
    /// DNS. on_change: some name's addresses, or for the first time all names were asked for.
    static Result<std::unique_ptr<Follower>> create(Loop& loop, std::vector<Server> servers, Settings settings,
                                                    std::function<void()> on_change);
    ~Follower();
    Follower(const Follower&) = delete;

    /// See FollowedNames.
    std::vector<std::string> follow(const std::set<std::string>& names);
    void recall(const std::string& name, const std::vector<Address>& addresses) { names_.recall(name, addresses); }

    const FollowedNames& names() const { return names_; }
    const Resolver& resolver() const { return *resolver_; }

private:
    Follower(Loop& loop, Settings settings, std::unique_ptr<Resolver> resolver, std::function<void()> on_change);
    Result<> start();
    void ask_due();
    void tell();

    Loop& loop_;
    FollowedNames names_;
    std::function<void()> on_change_;
    bool changed_ = false;
    bool was_settled_ = true;
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Resolver> resolver_;
};

} // namespace bulkhead::dns
