// SPDX-License-Identifier: Apache-2.0
//
// What the controller needs to know of objects that are none of the cluster state's business, or of those parts that
// it leaves out: each object is read into a small value, kept by its name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "source/field.h"
#include "source/kube/reflector.h"

namespace bulkhead::controller {

/// "namespace/name", or "name" of what is cluster-scoped.
std::string name_in(const source::Value& object);

template <typename T>
class Kept : public source::kube::ReflectorSink {
public:
    using Read = T (*)(const source::Field& object);

    explicit Kept(Read read) : read_(read) {}

    const std::map<std::string, T>& all() const { return all_; }
    const T* find(const std::string& name) const {
        const auto found = all_.find(name);
        return found == all_.end() ? nullptr : &found->second;
    }

    /// Since the last call.
    bool take_changed() { return std::exchange(changed_, false); }

    void begin_list() override { listed_.clear(); }
    void put(source::Value object) override {
        source::Complaints ignored; // whoever wrote these answers for them
        const auto name = name_in(object);
        listed_.insert(name);
        auto value = read_(source::Field(object, ignored));
        const auto [known, is_new] = all_.try_emplace(name, value);
        changed_ |= is_new || known->second != value;
        if (!is_new) known->second = std::move(value);
    }
    /// Stays as it was.
    void put_unreadable(source::Value object, const std::string&) override { listed_.insert(name_in(object)); }
    void remove(source::Value object) override { changed_ |= all_.erase(name_in(object)) != 0; }
    void end_list() override {
        changed_ |= std::erase_if(all_, [&](const auto& one) { return !listed_.contains(one.first); }) != 0;
        listed_ = {};
    }

private:
    Read read_;
    std::map<std::string, T> all_;
    std::set<std::string> listed_; // by the list under way
    bool changed_ = true;
};

} // namespace bulkhead::controller
