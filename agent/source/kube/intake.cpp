// SPDX-License-Identifier: Apache-2.0
#include "source/kube/intake.h"

namespace bulkhead::source::kube {

namespace {

constexpr auto kLastGood = "; its last good content stays in force";
constexpr auto kNothing = "; no good content of it is known";

std::string name_of(const state::ObjectKey& key) {
    return key.ns + "/" + key.name;
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
    known_.insert(name);
    listed_.insert(name);
    take_problems(name, decoded);
    if (decoded.object) cluster_->put(std::move(*decoded.object));
}

void Intake::take_problems(const Name& name, const Decoded& decoded) {
    const auto key = key_of(name);
    const bool is_valid = decoded.object.has_value();
    std::vector<state::Problem> problems;
    const auto add = [&](const Complaint& complaint, const std::string& more) {
        problems.push_back(
            {.origin = origin_, .object = key.text(), .field = complaint.field, .text = complaint.text + more});
    };
    for (const auto& error : decoded.complaints.errors)
        add(error, cluster_->origin_of(key) ? kLastGood : kNothing);
    for (const auto& remark : decoded.complaints.remarks)
        add(remark, "");
    if (is_valid) {
        revision_ += never_valid_.erase(name);
    } else if (!cluster_->origin_of(key) && is_waited_for(key)) {
        revision_ += never_valid_.insert(name).second ? 1 : 0;
    }
    if (problems.empty()) {
        revision_ += problems_.erase(name);
        return;
    }
    problems_[name] = std::move(problems);
    ++revision_;
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
    cluster_->remove(key_of(name));
    revision_ += problems_.erase(name) + never_valid_.erase(name);
}

void Intake::add_problems(std::vector<state::Problem>& all) const {
    for (const auto& [name, problems] : problems_)
        all.insert(all.end(), problems.begin(), problems.end());
}

void Intake::add_unheard(std::vector<std::string>& all) const {
    for (const auto& name : never_valid_)
        all.push_back(key_of(name).text());
}

} // namespace bulkhead::source::kube
