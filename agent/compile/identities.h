// SPDX-License-Identifier: Apache-2.0
//
// Classes of endpoints that no rule tells apart, and their ids. An id stays with its class for as long
// as the class lives, comes back after a restart (by the hash of the class' text), and follows a class
// whose description changed as a whole, so that flipping a namespace is one write. An id that fell
// free is not given out before the next update: the kernel may still point to it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "compile/desired.h"
#include "compile/rules.h"

namespace bulkhead::compile {

/// A rule that opens this destination, with the ports that its names mean there.
struct Accepts {
    RuleId rule = 0;
    PortRanges ranges; // of a named rule
    auto operator<=>(const Accepts&) const = default;
};

/// All that rules know of an endpoint.
struct Traits {
    std::string what{}; // "pods", "node", "AWSResource aurora", ...
    std::string tenant{};
    uint32_t flags = 0;             // enum bh_identity_flag, without the BH_ASK_ ones
    std::vector<Accepts> accepts{}; // as a destination; sorted by rule
    std::vector<RuleId> may{};      // as a source; sorted
    PortRanges exposed{};           // by its own annotation
};

struct Identity {
    Traits traits;
    std::string text; // canonical: what makes this class another than the next
    uint64_t hash = 0;
    IdentityId id = 0;    // 0 = not given yet
    uint32_t holders = 0; // none = the class is gone at the end of the update
};

class IdentityTable {
public:
    /// Ids below `limit` have room in the kernel. When there are more classes, the others get higher ones.
    IdentityTable(const std::map<uint64_t, IdentityId>& known, IdentityId limit);

    /// Starts an update; with `anew` every class has to be interned again to stay.
    void begin(bool anew);

    Identity& intern(Traits traits, const Rules& rules, IdentityId builtin = 0);

    static void hold(Identity& identity) { ++identity.holders; }
    void release(Identity& identity);

    /// This endpoint had id `before` and is now `now`; begin(true) must have come first.
    void note_move(IdentityId before, Identity& now);

    struct Outcome {
        std::vector<Identity*> born;
        std::vector<std::unique_ptr<Identity>> gone;
    };

    /// Gives ids to new classes, drops those that nobody holds. Ends the update.
    Outcome finish();

    /// Known ids whose classes did not come back may be given to others from the next update on.
    void release_known();

    /// A class with an id beyond the limit would get another one if everything were interned anew.
    bool has_room_again() const;

private:
    struct Moves { // of the endpoints of one class
        Identity* identity = nullptr;
        IdentityId id = 0;
        bool several = false;
    };

    std::vector<std::unique_ptr<Identity>> take_unheld();
    bool is_worth_keeping(IdentityId id) const;
    void adopt_same();
    void adopt_moved();
    void allot();
    IdentityId next_free();
    void give_back(IdentityId id);

    std::unordered_map<std::string, std::unique_ptr<Identity>> all_;
    std::unordered_map<std::string, std::unique_ptr<Identity>> previous_;
    std::vector<Identity*> fresh_; // interned in this update, no id yet
    std::vector<Identity*> idle_;  // lost its last holder in this update
    std::unordered_map<IdentityId, Moves> moved_from_;
    std::unordered_map<const Identity*, Moves> moved_to_;

    std::map<uint64_t, IdentityId> known_;
    std::set<IdentityId> known_ids_;
    std::set<IdentityId> reserved_; // of these, waiting for their class to come back
    std::set<IdentityId> free_;
    std::vector<IdentityId> freed_; // in this update
    IdentityId next_ = BH_IDENTITY_FIRST_FREE;
    IdentityId limit_;
};

} // namespace bulkhead::compile
