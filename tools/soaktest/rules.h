// SPDX-License-Identifier: Apache-2.0
//
// Who may speak to whom in the soak's cluster, written down by hand from the rule, and since when that is certain.
// A change of a level or a grant is uncertain from the moment that it is written until every node has it; what the
// change doesn't concern stays certain throughout. Any thread.
#pragma once

#include <array>
#include <mutex>
#include <string>

#include "ledger.h"

namespace bulkhead::soak {

struct NamespaceSpec {
    const char* name;
    const char* tenant; // by label; "" = its own
    bool guarded;       // Protected, at first
    bool flips;         // its level changes
};

inline constexpr std::array<NamespaceSpec, 8> kNamespaces{{
    {"vault", "vault", true, false},
    {"annex", "vault", false, false}, // of vault's tenant, but open
    {"ledger", "", true, false},      // exposes kDoorPort
    {"bank", "", true, false},        // grants kDoorPort to shop
    {"fickle", "", true, false},      // grants kDoorPort to shop and street, now and then
    {"swing", "", false, true},       // now Protected, now not
    {"shop", "", false, false},
    {"street", "", false, false},
}};
enum : size_t { kVault, kAnnex, kLedger, kBank, kFickle, kSwing, kShop, kStreet };

enum Port : size_t { kPlain, kDoor, kPorts };
inline constexpr std::array<uint16_t, kPorts> kPortNumbers{7000, 7001};

enum class Word { kYes, kNo, kEither };

struct Ruling {
    Word word = Word::kEither;
    Time since{};

    /// It was so from then on, and still is.
    bool holds(Word expected, Time from) const { return word == expected && since <= from; }
};

/// A first packet: namespaces, the door, and whether it crosses nodes.
struct Question {
    size_t from = 0;
    size_t to = 0;
    Port port = kPlain;
    bool crosses = false;
};

class Rules {
public:
    Rules();

    /// Something that is on or off: what it may be, and what it is at last.
    enum Switch : size_t { kSwingProtected, kFickleGrants, kAddressesFull, kGrantsFull, kClassesFull, kSwitches };
    void written(Switch which, bool on);
    void settled(Switch which, bool on);

    Ruling ruling(const Question& question) const;

    /// How the switches stand on one node.
    struct Standing {
        bool swing_protected = false;
        bool fickle_grants = false;
    };

private:
    /// What may be true on some node.
    struct Possible {
        bool on = false;
        bool off = true;
    };
    using Table = std::array<std::array<std::array<std::array<Ruling, 2>, kPorts>, 8>, 8>;

    Word word(const Question& question) const;
    bool lacks_room(const Question& question, const Standing& standing) const;
    void refresh();

    mutable std::mutex mutex_;
    std::array<Possible, kSwitches> switches_{};
    Table table_{};
};

} // namespace bulkhead::soak
