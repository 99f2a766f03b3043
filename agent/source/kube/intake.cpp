// SPDX-License-Identifier: Apache-2.0
#include "source/kube/intake.h"

namespace bulkhead::source::kube {

namespace {

constexpr size_t kMostOfNamespace = 10; // problems
constexpr auto kLastGood = "; its last good content stays in force";
constexpr auto kNothing = "; no good content of it is known";

std::string name_of(const state::ObjectKey& key) {
    return key.ns + "/" + key.name;
}

/// Down to its first digit: a text that changed with each would be a new problem each time.
size_t rounded(size_t count) {
    size_t unit = 1;
    while (count / unit >= 10)
        unit *= 10;
    return count / unit * unit;
}

std::string name_in(const Value& document) {
    Complaints ignored;
    const Field root(document, ignored);
    const auto metadata = root["metadata"];
    return metadata["namespace"].string().value_or("") + "/" + metadata["name"].string().value_or("");
}

} // namespace

state::ObjectKey Intake::key_of(const Name& name) const {
    const auto slash = name.find('/');
    return {.kind = kind_, .ns = name.substr(0, slash), .name = name.substr(slash + 1)};
}

void Intake::put(Value object) {
    object.line = 0; // there is only one
    auto decoded = decode(object, origin_, pool_);
    if (!decoded.ours) return;
    const auto name = decoded.key ? name_of(*decoded.key) : name_in(object);
    hear_of(name);
    take_problems(name, decoded);
    if (!decoded.object) return;
    if (cluster_ == nullptr)
        waiting_.insert_or_assign(name, std::move(*decoded.object));
    else
        cluster_->put(std::move(*decoded.object));
}

void Intake::put_unreadable(Value object, const std::string& why) {
    Decoded nothing;
    nothing.complaints.errors.push_back({.field = "", .text = why});
    const auto name = name_in(object);
    hear_of(name);
    take_problems(name, nothing);
}

void Intake::hear_of(const Name& name) {
    known_.insert(name);
    listed_.insert(name);
}

void Intake::release(state::Cluster& cluster) {
    cluster_ = &cluster;
    for (auto& [name, object] : waiting_)
        cluster.put(std::move(object));
    waiting_.clear();
}

void Intake::preview(state::Cluster& cluster) const {
    for (const auto& [name, object] : waiting_)
        cluster.put(object);
}

bool Intake::has_good(const Name& name) const {
    return cluster_ == nullptr ? waiting_.contains(name) : cluster_->origin_of(key_of(name)).has_value();
}

void Intake::take_problems(const Name& name, const Decoded& decoded) {
    const auto key = key_of(name);
    const bool is_valid = decoded.object.has_value();
    std::vector<state::Problem> problems;
    using Nature = state::Problem::Nature;
    const auto add = [&](const Complaint& complaint, const std::string& more, Nature nature) {
        problems.push_back({.origin = origin_,
                            .object = key.text(),
                            .field = complaint.field,
                            .text = complaint.text + more,
                            .nature = nature});
    };
    for (const auto& error : decoded.complaints.errors)
        add(error, has_good(name) ? kLastGood : kNothing, Nature::kInvalid);
    for (const auto& remark : decoded.complaints.remarks)
        add(remark, "", Nature::kMistake);
    if (is_valid)
        changed_ |= never_valid_.erase(name) != 0;
    else if (!has_good(name) && is_waited_for(key))
        changed_ |= never_valid_.insert(name).second;
    set_problems(name, std::move(problems));
}

void Intake::set_problems(const Name& name, std::vector<state::Problem> problems) {
    const auto known = problems_.find(name);
    const bool is_same = known == problems_.end() ? problems.empty() : known->second == problems;
    if (is_same) return;
    changed_ = true;
    if (problems.empty())
        problems_.erase(known);
    else
        problems_[name] = std::move(problems);
}

void Intake::remove(Value object) {
    const auto name = name_in(object);
    if (known_.erase(name) != 0) forget(name);
}

void Intake::end_list() {
    std::erase_if(known_, [this](const Name& name) {
        if (listed_.contains(name)) return false;
        forget(name);
        return true;
    });
    listed_ = {};
}

void Intake::forget(const Name& name) {
    if (cluster_ == nullptr)
        waiting_.erase(name);
    else
        cluster_->remove(key_of(name));
    set_problems(name, {});
    changed_ |= never_valid_.erase(name) != 0;
}

void Intake::add_problems(std::vector<state::Problem>& all) const {
    for (const auto& [name, problems] : problems_)
        all.insert(all.end(), problems.begin(), problems.end());
}

/// Whoever may write objects in a namespace may write as many wrong ones as he likes.
void Intake::add_first_problems(std::vector<state::Problem>& all) const {
    auto next = problems_.begin();
    while (next != problems_.end()) {
        const auto ns = key_of(next->first).ns;
        size_t told = 0, left = 0;
        for (; next != problems_.end() && next->first.starts_with(ns + "/"); ++next)
            for (const auto& problem : next->second) {
                const bool is_told = ns.empty() || told < kMostOfNamespace;
                if (is_told) all.push_back(problem);
                ++(is_told ? told : left);
            }
        if (left > 0)
            all.push_back({.origin = origin_,
                           .object = "Namespace " + ns,
                           .field = "",
                           .text = "has at least " + std::to_string(rounded(left)) + " more problems in its " + kind_ +
                                   "s; these are the first"});
    }
}

void Intake::add_unheard(std::vector<std::string>& all) const {
    for (const auto& name : never_valid_)
        all.push_back(key_of(name).text());
}

} // namespace bulkhead::source::kube
