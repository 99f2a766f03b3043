// SPDX-License-Identifier: Apache-2.0
#include "guards.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <system_error>

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

constexpr size_t kMostThreads = 16;
constexpr auto kLongestPutOff = 500ms; // of links, for the sake of veths that nothing guards yet

/// Where no thread can be had (the pod's limit of processes), the work is done here and now.
std::jthread on_thread(const std::function<void()>& work) {
    try {
        return std::jthread(work);
    } catch (const std::system_error& error) {
        spdlog::warn("no thread to guard veths: {}", error.what());
        work();
        return {};
    }
}

template <typename Future>
bool is_ready(const Future& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

} // namespace

Result<std::unique_ptr<Guards>> Guards::create(datapath::Attacher attacher) {
    Fd done(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!done.valid()) return fail("make an eventfd", errno);
    std::unique_ptr<Guards> guards(new Guards(std::move(attacher), std::move(done)));
    guards->former_ = guards->attacher_.left_over();
    return guards;
}

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

void Guards::release(uint32_t ifindex) {
    former_.erase(ifindex);
    attach_errors_.erase(ifindex);
    check_errors_.erase(ifindex);
    note(attach_errors_, ifindex, attacher_.release(ifindex));
}

/// A thread that is still at such a veth is waited for.
void Guards::release_others(const Wanted& wanted) {
    const auto is_other = [&](uint32_t ifindex, uint64_t device) {
        const auto still = wanted.veths.find(ifindex);
        return still == wanted.veths.end() || still->second != device;
    };
    std::erase_if(waiting_, [&](const auto& veth) { return is_other(veth.first, veth.second); });
    for (auto job = jobs_.begin(); job != jobs_.end();)
        if (const auto one = job++; is_other(one->first, one->second.device)) finish(one);
    for (auto* veths : {&veths_, &unfinished_})
        std::erase_if(*veths, [&](const auto& veth) {
            const bool other = is_other(veth.first, veth.second);
            if (other) release(veth.first);
            return other;
        });
    std::erase_if(uplinks_, [&](const uint32_t ifindex) {
        const bool other = !wanted.uplinks.contains(ifindex);
        if (other) release(ifindex);
        return other;
    });
}

bool Guards::finds_former(const Wanted& wanted) const {
    return std::ranges::any_of(wanted.veths, [this](const auto& veth) {
        const uint32_t ifindex = veth.first;
        return !is_known(ifindex) && attacher_.has_former(ifindex);
    });
}

void Guards::attach(const Wanted& wanted) {
    std::erase_if(attach_errors_, [&](const auto& error) {
        return !wanted.veths.contains(error.first) && !wanted.uplinks.contains(error.first);
    });
    for (const auto& [ifindex, device] : wanted.veths)
        if (!is_known(ifindex)) waiting_[ifindex] = device;
    start_jobs();
    for (const uint32_t ifindex : wanted.uplinks) {
        if (uplinks_.contains(ifindex)) continue;
        const auto attached = attacher_.uplink(ifindex);
        note(attach_errors_, ifindex, attached);
        if (!attached) continue;
        uplinks_.insert(ifindex);
        replacements_ += former_.erase(ifindex);
    }
}

/// Has it programs, or will it?
bool Guards::is_known(uint32_t ifindex) const {
    return veths_.contains(ifindex) || unfinished_.contains(ifindex) || jobs_.contains(ifindex);
}

void Guards::start_jobs() {
    while (!waiting_.empty() && jobs_.size() < kMostThreads) {
        const auto [ifindex, device] = *waiting_.begin();
        waiting_.erase(waiting_.begin());
        start(ifindex, device, [this, ifindex] { return attacher_.begin(ifindex); });
    }
    start_links();
}

/// One veth at a time, and when nothing waits for what is quick; but not for ever.
void Guards::start_links() {
    const auto now = std::chrono::steady_clock::now();
    if (unfinished_.empty()) last_links_ = now;
    const bool is_put_off = !jobs_.empty() && now - last_links_ < kLongestPutOff;
    if (unfinished_.empty() || links_under_way_ || is_put_off) return;
    const auto [ifindex, device] = *unfinished_.begin();
    links_under_way_ = ifindex;
    start(ifindex, device, [this, ifindex] { return attacher_.guard(ifindex).map([] { return true; }); });
}

void Guards::start(uint32_t ifindex, uint64_t device, std::function<Result<bool>()> work) {
    const auto guarded = std::make_shared<std::promise<Result<bool>>>();
    Job job{.device = device, .guarded = guarded->get_future(), .thread = {}};
    job.thread = on_thread([this, work = std::move(work), guarded] {
        guarded->set_value(work());
        eventfd_write(done_.get(), 1);
    });
    jobs_.emplace(ifindex, std::move(job));
}

bool Guards::finish(std::map<uint32_t, Job>::iterator job) {
    const auto ifindex = job->first;
    const auto device = job->second.device;
    const auto guarded = job->second.guarded.get();
    jobs_.erase(job);
    unfinished_.erase(ifindex);
    if (links_under_way_ == ifindex) {
        links_under_way_.reset();
        last_links_ = std::chrono::steady_clock::now();
    }
    note(attach_errors_, ifindex, guarded.map([](bool) {}));
    if (guarded) (*guarded ? veths_ : unfinished_)[ifindex] = device;
    if (guarded && *guarded) replacements_ += former_.erase(ifindex);
    return guarded.has_value();
}

bool Guards::take_done() {
    eventfd_t ignored = 0;
    eventfd_read(done_.get(), &ignored);
    bool good = true;
    for (auto job = jobs_.begin(); job != jobs_.end();)
        if (const auto one = job++; is_ready(one->second.guarded)) good &= finish(one);
    start_jobs();
    if (check_ && is_ready(check_->failed)) finish_check();
    return good;
}

void Guards::wait() {
    while (!waiting_.empty() || !jobs_.empty()) {
        while (!jobs_.empty())
            finish(jobs_.begin());
        if (!waiting_.empty()) start_jobs();
    }
}

/// What stands in on a veth whose links failed isn't left over, nor is what a former agent guards where we can't yet.
void Guards::release_left_over(const Wanted& wanted) {
    for (const uint32_t ifindex : attacher_.left_over())
        if (!wanted.veths.contains(ifindex) && !wanted.uplinks.contains(ifindex))
            note(attach_errors_, ifindex, attacher_.release(ifindex));
}

void Guards::check() {
    if (check_) return;
    const auto failed = std::make_shared<std::promise<std::map<uint32_t, Error>>>();
    check_.emplace();
    check_->failed = failed->get_future();
    check_->thread = on_thread([this, failed] {
        failed->set_value(attacher_.reconcile());
        eventfd_write(done_.get(), 1);
    });
}

/// What was released meanwhile doesn't matter any more.
void Guards::finish_check() {
    auto failed = check_->failed.get();
    check_.reset();
    std::erase_if(failed,
                  [&](const auto& one) { return !veths_.contains(one.first) && !uplinks_.contains(one.first); });
    std::erase_if(check_errors_, [&](const auto& error) { return !failed.contains(error.first); });
    for (const auto& [ifindex, error] : failed)
        note(check_errors_, ifindex, tl::unexpected(error));
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
