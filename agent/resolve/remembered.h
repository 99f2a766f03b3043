// SPDX-License-Identifier: Apache-2.0
//
// What was found of a resource, and by which of its look-ups, for whoever looks it up after us. The resource may name
// other things by then, or in another account, so each address is recalled by what found it:
//
//   it is still asked        as if it had just said so: what is true of an answer is true of that one
//   it isn't any more        as where somebody edits the resource under us: gone, or if something else is asked
//                            instead, carried until all that is asked now has been answered
//   nobody knows what it was carried until all look-ups have been going well for the grace time
//
// Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "resolve/evidence.h"
#include "resolve/question.h"

namespace bulkhead::resolve {

/// What found an address: a question's answer, a name of the resource's own, or a name that a question's answer told.
struct Origin {
    std::string question{}; // Question::origin(); empty: none
    std::string name{};     // empty: the question's answer has the address itself
    auto operator<=>(const Origin&) const = default;
};

struct Remembered {
    std::set<Cidr> addresses{};
    state::OwnersByAddress owners{}; // of these, by their tags
    std::map<Cidr, std::set<Origin>> origins{};
    std::optional<state::Time> date{}; // by then all of it had been found
    bool operator==(const Remembered&) const = default;
};

/// By resource.
using Memories = std::map<std::string, Remembered>;

struct Recalled {
    std::map<Question, Found> questions{};
    std::map<std::string, Spoken> names{}; // those that `questions` tell, too
    Spoken of_others{};                    // by what isn't asked any more
    Spoken of_nobody{};                    // by nobody knows what
    bool is_replaced = false;              // something is asked that is none of those that found something
};

/// By what is asked of the resource now.
Recalled recall(const Remembered& remembered, const std::set<Question>& questions,
                const std::set<std::string>& hostnames);

} // namespace bulkhead::resolve
