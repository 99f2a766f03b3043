// SPDX-License-Identifier: Apache-2.0
#include "guards.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace bulkhead {

/// What fails there the loop meets again, and tells.
Result<> Guards::keep_in_front() {
    auto watch = datapath::FilterWatch::start(
        [this](uint32_t ifindex, datapath::Attacher::Clock::time_point heard) {
            (void)attacher_.on_filter_event(ifindex, heard);
        },
        [this] {
            if (attacher_.uses_tcx()) (void)attacher_.reconcile();
        },
        [this](const datapath::TcFilter& filter) { return attacher_.is_ours(filter); });
    if (!watch) return tl::unexpected(watch.error());
    watch_ = std::move(*watch);
    return {};
}

void Guards::release_others(const Wanted& wanted) {
    const auto release = [this](uint32_t ifindex) {
        attach_errors_.erase(ifindex);
        check_errors_.erase(ifindex);
        note(attach_errors_, ifindex, attacher_.release(ifindex));
    };
    for (auto* veths : {&veths_, &unfinished_})
        for (auto it = veths->begin(); it != veths->end();) {
            const auto still = wanted.veths.find(it->first);
            if (still != wanted.veths.end() && still->second == it->second) {
                ++it;
                continue;
            }
            release(it->first);
            it = veths->erase(it);
        }
    for (auto it = uplinks_.begin(); it != uplinks_.end();) {
        if (wanted.uplinks.contains(*it)) {
            ++it;
            continue;
        }
        release(*it);
        it = uplinks_.erase(it);
    }
}

bool Guards::finds_former(const Wanted& wanted) const {
    return std::ranges::any_of(wanted.veths, [this](const auto& veth) {
        const uint32_t ifindex = veth.first;
        return !veths_.contains(ifindex) && !unfinished_.contains(ifindex) && attacher_.has_former(ifindex);
    });
}

void Guards::attach(const Wanted& wanted) {
    std::erase_if(attach_errors_, [&](const auto& error) {
        return !wanted.veths.contains(error.first) && !wanted.uplinks.contains(error.first);
    });
    for (const auto& [ifindex, device] : wanted.veths)
        if (!veths_.contains(ifindex) && !unfinished_.contains(ifindex) && attacher_.stand_in(ifindex))
            unfinished_[ifindex] = device;
    for (const auto& [ifindex, device] : wanted.veths)
        if (!veths_.contains(ifindex) && !unfinished_.contains(ifindex)) guard(ifindex, device);
    for (const uint32_t ifindex : wanted.uplinks) {
        if (uplinks_.contains(ifindex)) continue;
        const auto attached = attacher_.uplink(ifindex);
        note(attach_errors_, ifindex, attached);
        if (attached) uplinks_.insert(ifindex);
    }
}

bool Guards::finish_one() {
    if (unfinished_.empty()) return true;
    const auto [ifindex, device] = *unfinished_.begin();
    unfinished_.erase(unfinished_.begin());
    return guard(ifindex, device);
}

bool Guards::guard(uint32_t ifindex, uint64_t device) {
    const auto attached = attacher_.guard(ifindex);
    note(attach_errors_, ifindex, attached);
    if (attached) veths_[ifindex] = device;
    return attached.has_value();
}

void Guards::release_left_over() {
    for (const uint32_t ifindex : attacher_.left_over())
        note(attach_errors_, ifindex, attacher_.release(ifindex));
}

void Guards::check() {
    const auto failed = attacher_.reconcile();
    std::erase_if(check_errors_, [&](const auto& error) { return !failed.contains(error.first); });
    for (const auto& [ifindex, error] : failed)
        note(check_errors_, ifindex, tl::unexpected(error));
}

void Guards::on_filter_event(uint32_t ifindex) {
    note(check_errors_, ifindex, attacher_.on_filter_event(ifindex));
}

bool Guards::guards(uint32_t ifindex) const {
    return veths_.contains(ifindex) && !check_errors_.contains(ifindex);
}

bool Guards::judges(uint32_t ifindex, uint64_t device) const {
    const auto has = [&](const std::map<uint32_t, uint64_t>& veths) {
        const auto found = veths.find(ifindex);
        return found != veths.end() && found->second == device;
    };
    return (has(veths_) || has(unfinished_)) && !check_errors_.contains(ifindex);
}

size_t Guards::guarded() const {
    return static_cast<size_t>(
        std::count_if(veths_.begin(), veths_.end(), [this](const auto& veth) { return guards(veth.first); }));
}

std::vector<std::string> Guards::errors() const {
    std::vector<std::string> texts;
    for (const auto* errors : {&attach_errors_, &check_errors_})
        for (const auto& [ifindex, text] : *errors)
            texts.push_back(text);
    return texts;
}

std::string Guards::error_of(uint32_t ifindex) const {
    for (const auto* errors : {&attach_errors_, &check_errors_})
        if (const auto found = errors->find(ifindex); found != errors->end()) return found->second;
    return "";
}

void Guards::note(std::map<uint32_t, std::string>& errors, uint32_t ifindex, const Result<>& result) {
    if (result) {
        errors.erase(ifindex);
        return;
    }
    ++error_count_;
    auto& known = errors[ifindex];
    if (known != result.error().text) spdlog::error("{}", result.error().text); // once, not with every try
    known = result.error().text;
}

} // namespace bulkhead
