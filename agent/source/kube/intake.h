// SPDX-License-Identifier: Apache-2.0
//
// One resource's documents -> the cluster state. An object that is invalid keeps its last good content, and
// what a complete list no longer has is removed, but not before the list is complete. Until release() everything
// waits: half of the policy would be another policy.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "source/decode.h"
#include "source/kube/reflector.h"
#include "state/cluster.h"

namespace bulkhead::source::kube {

class Intake : public ReflectorSink {
public:
    /// Of objects of this kind; `origin` is what problems call the server.
    Intake(std::string kind, state::SharedText origin, state::Pool& pool)
        : kind_(std::move(kind)), origin_(std::move(origin)), pool_(pool) {}

    /// Into the cluster state with all that came and will come. Always the same one.
    void release(state::Cluster& cluster);

    /// As release(), but of what waits so far only, and it goes on waiting.
    void preview(state::Cluster& cluster) const;

    void begin_list() override { listed_.clear(); }
    void put(Value object) override;
    void put_unreadable(Value object, const std::string& why) override;
    void remove(Value object) override;
    void end_list() override;

    void add_problems(std::vector<state::Problem>& all) const;

    /// Likewise, but of each namespace the first few only, and how many there are beyond.
    void add_first_problems(std::vector<state::Problem>& all) const;

    /// Since the last call: problems, or what is unheard.
    bool take_changed() { return std::exchange(changed_, false); }

    /// Objects that are there, but were never valid, as far as they are waited for.
    void add_unheard(std::vector<std::string>& all) const;

private:
    using Name = std::string; // "namespace/name"; the kind is the resource's

    bool has_good(const Name& name) const;
    void hear_of(const Name& name);
    void take_problems(const Name& name, const Decoded& decoded);
    void set_problems(const Name& name, std::vector<state::Problem> problems);
    void forget(const Name& name);

    state::ObjectKey key_of(const Name& name) const;

    std::string kind_;
    state::SharedText origin_;
    state::Pool& pool_;
    state::Cluster* cluster_ = nullptr;     // once released
    std::map<Name, state::Object> waiting_; // until then
    std::unordered_set<Name> known_;        // those that the server has, as far as we heard
    std::unordered_set<Name> listed_;       // ... by the list under way
    std::map<Name, std::vector<state::Problem>> problems_;
    std::set<Name> never_valid_;
    bool changed_ = true;
};

} // namespace bulkhead::source::kube
