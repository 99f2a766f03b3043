// SPDX-License-Identifier: Apache-2.0
//
// Which file speaks for which object, and the last good word of each. An object in force belongs to the
// file that said it first; what other files say of it waits until that one stops. A file that cannot be
// read, or an object that is invalid, changes nothing: the cluster still holds what was good.
//
// Who speaks for an object is not kept twice: the cluster's origins say it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "source/content.h"
#include "source/key_list.h"
#include "state/cluster.h"

namespace bulkhead::source {

class Ledger {
public:
    /// What `file` says now. Unreadable: only its problems count.
    void apply(const std::string& file, Content content, state::Cluster& cluster);

    /// `file` is gone, and its objects with it, unless another file has them too.
    void drop(const std::string& file, state::Cluster& cluster);

    std::vector<state::Problem> problems(const state::Cluster& cluster) const;

    /// Files that say something which nobody has understood even once, or of which nobody can tell whether it or
    /// another word on the same object was in force before us. Not what tenants may write: a mistake of theirs
    /// holds up nobody else.
    std::vector<std::string> unheard(const state::Cluster& cluster) const;

private:
    struct Unheard {
        bool all = false; // not readable so far, or it hides who it speaks of
        std::vector<state::ObjectKey> invalid;
        std::vector<state::ObjectKey> repeated;
    };
    using Waiting = std::map<state::ObjectKey, state::Object>;

    KeyList take_over(const std::string& file, Content content, const KeyList& before, state::Cluster& cluster);
    bool put_or_wait(const std::string& file, state::Object object, state::Cluster& cluster);
    void release(const state::ObjectKey& key, state::Cluster& cluster);
    void note_unheard(const std::string& file, const Content& content);
    void note_problems(const std::string& file, const Content& content, const state::Cluster& cluster);

    // By file name, which decides who is next. Files without any are not in the last three, since a
    // directory may have very many files.
    std::map<std::string, KeyList> keys_; // what it speaks for
    std::map<std::string, Waiting> waiting_;
    std::map<std::string, std::vector<state::Problem>> problems_;
    std::map<std::string, Unheard> unheard_;
};

} // namespace bulkhead::source
