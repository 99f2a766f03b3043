// SPDX-License-Identifier: Apache-2.0
#include "datapath/attach.h"

#include <net/if.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace bulkhead::datapath {

namespace fs = std::filesystem;

namespace {

constexpr std::array kPodHooks{Hook::kToPod, Hook::kFromPod};
constexpr std::array kUplinkHooks{Hook::kUplink};

bool exists(uint32_t ifindex) {
    char name[IF_NAMESIZE];
    return if_indextoname(ifindex, name) != nullptr;
}

/// What we want of a device that is gone has been reached.
bool is_gone(const Error& error, uint32_t ifindex) {
    return error.code == ENODEV || !exists(ifindex);
}

/// Only for speed: beside a foreign classifier on priority 1 filters can't be added.
bool is_bridged(const Result<>& attached) {
    if (!attached) spdlog::debug("no bridge: {}", attached.error().text);
    return attached.has_value();
}

} // namespace

Result<bool> decide_tcx(AttachMode mode, const Features& features) {
    if (mode == AttachMode::kTcx && !features.tcx)
        return fail("attach by tcx: this kernel has none (Linux 6.6 does); use clsact", EOPNOTSUPP);
    const bool use_tcx = features.tcx && mode != AttachMode::kClsact;
    if (!use_tcx && !features.clsact)
        return fail("attach by clsact: this kernel has none (modules sch_ingress and cls_bpf)", EOPNOTSUPP);
    return use_tcx;
}

Attacher::Attacher(const Kernel& kernel, bool use_tcx)
    : kernel_(&kernel), use_tcx_(use_tcx), tcx_(kernel.pin_dir().links()), clsact_(kernel.pin_dir().tag()) {}

void Attacher::take_time(bool enough) {
    const std::scoped_lock lock(*state_);
    has_time_ = enough;
}

/// The lock is not held while rtnetlink is waited for: nobody else touches the device yet.
Result<bool> Attacher::begin(uint32_t ifindex) {
    if (use_tcx_ && stand_in(ifindex)) return false;
    auto guarded = use_tcx_ ? guard(ifindex) : begin_filters(ifindex);
    if (!guarded) return tl::unexpected(guarded.error());
    return true;
}

/// Whoever adds a filter meanwhile is overtaken at the end: from then on by on_filter_event().
Result<> Attacher::begin_filters(uint32_t ifindex) {
    {
        const std::scoped_lock state(*state_);
        beginning_[ifindex].reset();
    }
    const auto attached = attach_filters_to_new(ifindex);
    const std::scoped_lock lock(*mutex_);
    const auto overtaken_since = end_of_beginning(ifindex);
    if (!attached) return attached;
    if (auto removed = remove_links(ifindex, kPodHooks); !removed) return removed;
    wanted_[ifindex] = kPodHooks;
    if (overtaken_since) (void)mend_again(ifindex, *overtaken_since); // what fails there reconcile() meets again
    return {};
}

std::optional<Attacher::Clock::time_point> Attacher::end_of_beginning(uint32_t ifindex) {
    const std::scoped_lock state(*state_);
    return beginning_.extract(ifindex).mapped();
}

bool Attacher::stand_in(uint32_t ifindex) {
    if (has_time() || !needs_bridge(ifindex, kPodHooks)) return false;
    if (!is_bridged(attach_filters_to_new(ifindex))) return false;
    const std::scoped_lock state(*state_);
    standing_in_.insert(ifindex);
    return true;
}

bool Attacher::has_time() const {
    const std::scoped_lock state(*state_);
    return has_time_;
}

Result<> Attacher::guard(uint32_t ifindex) {
    const std::scoped_lock lock(*mutex_);
    return ensure(ifindex, kPodHooks);
}

Result<> Attacher::uplink(uint32_t ifindex) {
    const std::scoped_lock lock(*mutex_);
    return ensure(ifindex, kUplinkHooks);
}

Result<> Attacher::exchange() {
    const std::scoped_lock lock(*mutex_);
    Result<> last;
    for (const uint32_t ifindex : interfaces())
        for (const Hook hook : kHooks) {
            const auto exchanged = exchange_at(ifindex, hook, program_of(kernel_->programs(), hook));
            if (!exchanged && !is_gone(exchanged.error(), ifindex)) last = exchanged; // the others all the same
        }
    return last;
}

Result<> Attacher::exchange_at(uint32_t ifindex, Hook hook, int program) {
    if (const auto link = tcx_.query(ifindex, hook); link && link->attached)
        if (auto updated = tcx_.attach(ifindex, hook, program); !updated) return updated;
    if (const auto filter = clsact_.query(ifindex, hook); filter && filter->attached) {
        if (auto replaced = clsact_.attach(ifindex, hook, program); !replaced) return replaced;
    }
    return {};
}

Result<> Attacher::ensure(uint32_t ifindex, Hooks hooks) {
    auto done = use_tcx_ ? ensure_tcx(ifindex, hooks) : ensure_clsact(ifindex, hooks);
    if (done) wanted_[ifindex] = hooks;
    return done;
}

/// No filters first but for new veths (stand_in) and where something was taken off: the qdisc that they need costs a
/// busy device packets.
Result<> Attacher::ensure_tcx(uint32_t ifindex, Hooks hooks) {
    stands_in_no_longer(ifindex);
    for (const Hook hook : hooks)
        if (auto replaced = replace_filter(ifindex, hook); !replaced) return replaced;
    return {};
}

/// Hook by hook: until the filter goes, what the link lets pass is judged and counted twice.
Result<> Attacher::replace_filter(uint32_t ifindex, Hook hook) {
    if (auto attached = tcx_.attach(ifindex, hook, program_of(kernel_->programs(), hook)); !attached) return attached;
    if (auto removed = clsact_.detach(ifindex, hook); !removed) return tl::unexpected(removed.error());
    return {};
}

/// Filters until the links are there.
bool Attacher::needs_bridge(uint32_t ifindex, Hooks hooks) const {
    if (!tcx_.is_pinned(ifindex)) return true; // there is nothing of ours to ask for
    const auto before = query(ifindex, hooks);
    return before && !before->attached; // attaching tells what is wrong
}

Result<> Attacher::ensure_clsact(uint32_t ifindex, Hooks hooks) {
    if (auto attached = attach_filters(ifindex, hooks); !attached) return attached;
    return remove_links(ifindex, hooks);
}

std::vector<Clsact::Part> Attacher::parts(Hooks hooks) const {
    std::vector<Clsact::Part> parts;
    for (const Hook hook : hooks)
        parts.push_back({.hook = hook, .program_fd = program_of(kernel_->programs(), hook)});
    return parts;
}

Result<> Attacher::attach_filters(uint32_t ifindex, Hooks hooks) const {
    return attach_where_not(clsact_.install(ifindex, parts(hooks)), ifindex, hooks);
}

/// To a veth that is new to us, and mostly to the world: without a look at it, unless that failed before.
Result<> Attacher::attach_filters_to_new(uint32_t ifindex) {
    const auto was_refused = [&] {
        const std::scoped_lock state(*state_);
        return refused_.contains(ifindex);
    };
    const auto parts = this->parts(kPodHooks);
    const auto installed = was_refused() ? clsact_.install(ifindex, parts) : clsact_.install_at_once(ifindex, parts);
    auto attached = attach_where_not(installed, ifindex, kPodHooks);
    const std::scoped_lock state(*state_);
    if (attached)
        refused_.erase(ifindex);
    else
        refused_.insert(ifindex);
    return attached;
}

Result<> Attacher::attach_where_not(const Result<Clsact::Made>& installed, uint32_t ifindex, Hooks hooks) const {
    if (!installed) return tl::unexpected(installed.error());
    std::error_code ignored; // without the note, detach leaves an empty qdisc behind
    if (*installed != Clsact::Made::kNothing) fs::create_directory(note_of(ifindex), ignored);
    if (*installed == Clsact::Made::kAll) return {};
    for (const auto& [hook, program] : parts(hooks))
        if (auto attached = clsact_.attach(ifindex, hook, program); !attached) return attached;
    return {};
}

Result<> Attacher::remove_filters(uint32_t ifindex, Hooks hooks) {
    for (const Hook hook : hooks)
        if (auto removed = clsact_.detach(ifindex, hook); !removed) return tl::unexpected(removed.error());
    return {};
}

Result<> Attacher::remove_links(uint32_t ifindex, Hooks hooks) {
    for (const Hook hook : hooks)
        if (auto removed = tcx_.detach(ifindex, hook); !removed) return tl::unexpected(removed.error());
    return {};
}

Result<> Attacher::release(uint32_t ifindex) {
    const std::scoped_lock lock(*mutex_);
    wanted_.erase(ifindex);
    stands_in_no_longer(ifindex);
    if (auto removed = remove_links(ifindex, kHooks); !removed && !is_gone(removed.error(), ifindex)) return removed;
    if (!exists(ifindex)) { // with all that was on it: nothing that rtnetlink would have to be asked
        forget(ifindex);
        return {};
    }
    if (auto removed = remove_filters(ifindex, kHooks); !removed && !is_gone(removed.error(), ifindex)) return removed;
    std::error_code ignored;
    if (!fs::exists(note_of(ifindex), ignored)) return {};
    if (auto removed = clsact_.remove_empty_qdisc(ifindex); !removed && !is_gone(removed.error(), ifindex))
        return tl::unexpected(removed.error());
    forget(ifindex);
    return {};
}

Result<Attachment> Attacher::query(uint32_t ifindex) const {
    const std::scoped_lock lock(*mutex_);
    const auto wanted = wanted_.find(ifindex);
    return wanted == wanted_.end() ? Attachment{} : query(ifindex, wanted->second);
}

Result<Attachment> Attacher::query(uint32_t ifindex, Hooks hooks) const {
    Attachment all{.attached = true, .first = true};
    for (const Hook hook : hooks) {
        const auto one = use_tcx_ ? tcx_.query(ifindex, hook) : clsact_.query(ifindex, hook);
        if (!one) return one;
        all.attached = all.attached && one->attached;
        all.first = all.first && one->first;
    }
    return all;
}

/// One program can't be twice in a tcx chain, so moving it means taking it out: a filter stands in.
Result<> Attacher::move_links_to_front(uint32_t ifindex, Hooks hooks) {
    if (auto bridged = attach_filters(ifindex, hooks); !bridged) return bridged;
    if (auto removed = remove_links(ifindex, hooks); !removed) return removed;
    return ensure_tcx(ifindex, hooks);
}

/// Hooks that are first already are left alone: each filter costs time, and news that comes back to us.
Result<> Attacher::overtake(uint32_t ifindex, Hooks hooks) {
    for (const Hook hook : hooks) {
        const auto now = clsact_.query(ifindex, hook);
        if (!now) return tl::unexpected(now.error());
        if (now->first) continue;
        if (auto moved = clsact_.attach(ifindex, hook, program_of(kernel_->programs(), hook)); !moved) return moved;
    }
    return {};
}

Result<> Attacher::put_back(uint32_t ifindex, Hooks hooks, const Attachment& now) {
    if (!now.attached) {
        if (use_tcx_ && !has_time() && needs_bridge(ifindex, hooks)) is_bridged(attach_filters(ifindex, hooks));
        return ensure(ifindex, hooks);
    }
    return use_tcx_ ? move_links_to_front(ifindex, hooks) : overtake(ifindex, hooks);
}

Result<bool> Attacher::mend(uint32_t ifindex, Hooks hooks) {
    const auto now = query(ifindex, hooks);
    if (!now) return tl::unexpected(now.error());
    if (now->attached && now->first) return false;
    if (auto done = put_back(ifindex, hooks, *now); !done) return tl::unexpected(done.error());
    {
        const std::scoped_lock state(*state_);
        reattachments_++;
    }
    spdlog::warn("interface {}: our programs were {}; they are back", ifindex,
                 now->attached ? "no longer first" : "taken off");
    return true;
}

/// Whoever waited for the lock may find that the device isn't wanted any more, or is mended.
Result<bool> Attacher::mend_if_wanted(uint32_t ifindex) {
    const auto wanted = wanted_.find(ifindex);
    if (wanted == wanted_.end()) return false;
    if (exists(ifindex)) return mend(ifindex, Hooks(wanted->second));
    forget(ifindex);
    return false;
}

/// Device by device, so that nobody who hears of a filter waits for all of them; and for the mending alone.
std::map<uint32_t, Error> Attacher::reconcile() {
    std::map<uint32_t, Error> failed;
    std::map<uint32_t, Hooks> devices;
    {
        const std::scoped_lock lock(*mutex_);
        devices = wanted_;
    }
    for (const auto& [ifindex, hooks] : devices) {
        const auto now = query(ifindex, hooks);
        if (now && now->attached && now->first) continue;
        const std::scoped_lock lock(*mutex_);
        if (auto mended = mend_if_wanted(ifindex); !mended && !is_gone(mended.error(), ifindex))
            failed.emplace(ifindex, mended.error());
    }
    const std::scoped_lock lock(*mutex_);
    tcx_.remove_stale();
    return failed;
}

/// True: whoever begins with the device sees to it.
bool Attacher::is_beginning(uint32_t ifindex, Clock::time_point heard) {
    const std::scoped_lock state(*state_);
    const auto begun = beginning_.find(ifindex);
    if (begun == beginning_.end()) return false;
    if (!begun->second) begun->second = heard;
    return true;
}

Result<> Attacher::on_filter_event(uint32_t ifindex, Clock::time_point heard) {
    if (use_tcx_) return {}; // links run before every filter
    if (is_beginning(ifindex, heard)) return {};
    const std::scoped_lock lock(*mutex_);
    return mend_again(ifindex, heard);
}

/// Counts how long somebody was first.
Result<> Attacher::mend_again(uint32_t ifindex, Clock::time_point since) {
    const auto mended = mend_if_wanted(ifindex);
    if (!mended) return is_gone(mended.error(), ifindex) ? Result<>{} : tl::unexpected(mended.error());
    if (!*mended) return {};
    const std::scoped_lock state(*state_);
    overtakings_.add(Clock::now() - since);
    return {};
}

uint64_t Attacher::reattachments() const {
    const std::scoped_lock state(*state_);
    return reattachments_;
}

Histogram Attacher::overtakings() const {
    const std::scoped_lock state(*state_);
    return overtakings_;
}

std::set<uint32_t> Attacher::left_over() const {
    const std::scoped_lock lock(*mutex_);
    std::set<uint32_t> devices = tcx_.pinned();
    std::error_code error;
    const PinDir& pins = kernel_->pin_dir();
    for (const auto& note : fs::directory_iterator(pins.qdiscs(), error)) {
        const std::string name = note.path().filename().string();
        uint32_t ifindex = 0;
        std::from_chars(name.data(), name.data() + name.size(), ifindex);
        devices.insert(ifindex);
    }
    std::erase_if(
        devices, [&](uint32_t ifindex) { return wanted_.contains(ifindex) || stands_in(ifindex) || !exists(ifindex); });
    return devices;
}

bool Attacher::has_former(uint32_t ifindex) const {
    const std::scoped_lock lock(*mutex_);
    if (wanted_.contains(ifindex) || stands_in(ifindex)) return false;
    return std::ranges::any_of(kHooks, [&](const Hook hook) {
        const auto link = tcx_.query(ifindex, hook);
        const auto filter = clsact_.query(ifindex, hook);
        return (link && link->attached) || (filter && filter->attached);
    });
}

std::string Attacher::note_of(uint32_t ifindex) const {
    return (kernel_->pin_dir().qdiscs() / std::to_string(ifindex)).string();
}

bool Attacher::stands_in(uint32_t ifindex) const {
    const std::scoped_lock state(*state_);
    return standing_in_.contains(ifindex);
}

void Attacher::stands_in_no_longer(uint32_t ifindex) {
    const std::scoped_lock state(*state_);
    standing_in_.erase(ifindex);
    refused_.erase(ifindex);
}

void Attacher::forget(uint32_t ifindex) {
    wanted_.erase(ifindex);
    stands_in_no_longer(ifindex);
    std::error_code ignored;
    fs::remove(note_of(ifindex), ignored);
}

} // namespace bulkhead::datapath
