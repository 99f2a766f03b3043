// SPDX-License-Identifier: Apache-2.0
#include "compile/problems.h"

#include <algorithm>

namespace bulkhead::compile {

namespace {

constexpr size_t kMostAddresses = 10; // of one object

} // namespace

void Problems::replace(List& list, List problems) {
    if (list == problems) return;
    list = std::move(problems);
    changed_ = true;
}

void Problems::set_address(const Address& address, state::Problem problem) {
    auto& slot = addresses_[address];
    if (slot == problem) return;
    slot = std::move(problem);
    changed_ = true;
}

void Problems::clear_address(const Address& address) {
    if (!addresses_.empty() && addresses_.erase(address) != 0) changed_ = true;
}

void Problems::set_pod(const state::PodKey& pod, const std::string& ns, const std::vector<PodComplaint>& complaints) {
    if (complaints.empty() && pods_.empty()) return;
    if (const auto before = pods_.find(pod); before != pods_.end()) {
        for (const auto& complaint : before->second) {
            auto& pods = complaints_[complaint];
            pods.erase(pod);
            if (pods.empty()) complaints_.erase(complaint);
        }
        pods_.erase(before);
        changed_ = true;
    }
    for (const auto& complaint : complaints) {
        complaints_[{ns, complaint}].insert(pod);
        pods_[pod].emplace_back(ns, complaint);
        changed_ = true;
    }
}

/// One slice may claim a great many: the first few say what is wrong with it.
void Problems::add_addresses(List& out) const {
    std::map<std::string, size_t> told; // by object
    for (const auto& [address, problem] : addresses_)
        if (++told[problem.object] <= kMostAddresses) out.push_back(problem);
    for (const auto& [object, count] : told)
        if (count > kMostAddresses)
            out.push_back({"", object, "",
                           "so it is with " + std::to_string(count - kMostAddresses) + " more addresses",
                           state::Problem::Nature::kConflict});
}

void Problems::write(const state::Cluster& cluster, List& out) {
    if (!changed_) return;
    changed_ = false;
    out = policy_;
    out.insert(out.end(), local_.begin(), local_.end());
    out.insert(out.end(), openings_.begin(), openings_.end());
    add_addresses(out);
    for (const auto& [complaint, pods] : complaints_) {
        const auto& first = *pods.begin();
        const auto pod = cluster.pods().find(first);
        auto [field, text] = complaint.second;
        if (pods.size() > 1) text += " (so have " + std::to_string(pods.size() - 1) + " more pods of the namespace)";
        out.push_back({pod == cluster.pods().end() ? "" : pod->second.origin.text(), "Pod " + first, std::move(field),
                       std::move(text)});
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
}

} // namespace bulkhead::compile
