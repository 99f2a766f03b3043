// SPDX-License-Identifier: Apache-2.0
#include "datapath/detach.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "datapath/clsact.h"
#include "datapath/lock.h"
#include "datapath/pin_dir.h"
#include "datapath/tc_filters.h"
#include "datapath/tcx.h"

namespace bulkhead::datapath {

namespace fs = std::filesystem;

namespace {

Result<int> remove_links(const PinDir& pins) {
    const Tcx tcx(pins.links());
    int removed = 0;
    for (const uint32_t ifindex : tcx.pinned())
        for (const Hook hook : kHooks) {
            const auto detached = tcx.detach(ifindex, hook);
            if (!detached) return tl::unexpected(detached.error());
            removed += *detached ? 1 : 0;
        }
    return removed;
}

Result<int> remove_filters(const Clsact& clsact, uint32_t ifindex) {
    int removed = 0;
    for (const Hook hook : kHooks) {
        const auto detached = clsact.detach(ifindex, hook);
        if (!detached) return detached;
        removed += *detached;
    }
    return removed;
}

/// Without the directory of notes nobody knows who made the qdisc; then one that only held our filters
/// counts as ours.
bool made_by_us(const PinDir& pins, uint32_t ifindex, bool had_filters) {
    std::error_code ignored;
    if (!fs::exists(pins.qdiscs(), ignored)) return had_filters;
    return fs::exists(pins.qdiscs() / std::to_string(ifindex), ignored);
}

Result<> clean_interface(const PinDir& pins, uint32_t ifindex, DetachReport& report) {
    const Clsact clsact(pins.tag());
    const auto filters = remove_filters(clsact, ifindex);
    if (!filters) return tl::unexpected(filters.error());
    report.filters += *filters;
    if (!made_by_us(pins, ifindex, *filters > 0)) return {};
    const auto removed = clsact.remove_empty_qdisc(ifindex);
    if (!removed) return tl::unexpected(removed.error());
    report.qdiscs += *removed ? 1 : 0;
    return {};
}

/// A directory in which an agent pinned something: nobody else calls programs so.
bool is_pin_dir(const fs::path& directory) {
    std::error_code ignored;
    return fs::exists(directory / "programs" / "bh_to_pod", ignored) ||
           fs::exists(directory / "maps" / "control", ignored);
}

void find_pin_dirs(const fs::path& directory, int depth, std::set<fs::path>& found) {
    if (is_pin_dir(directory)) {
        found.insert(directory);
        return;
    }
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored))
        if (depth > 0 && entry.is_directory(ignored)) find_pin_dirs(entry.path(), depth - 1, found);
}

/// In /proc/self/mountinfo a mount point is the fifth word, and the type the first one after " - ". (proc(5))
std::set<fs::path> pin_dirs_of_node() {
    constexpr int kDepth = 4;
    std::set<fs::path> found;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string word, mount_point;
        for (int i = 0; i < 5 && words >> word; ++i)
            mount_point = word;
        const auto separator = line.find(" - ");
        if (separator != std::string::npos && line.compare(separator + 3, 4, "bpf ") == 0)
            find_pin_dirs(mount_point, kDepth, found);
    }
    return found;
}

void add(DetachReport& sum, const DetachReport& more) {
    sum.links += more.links;
    sum.filters += more.filters;
    sum.qdiscs += more.qdiscs;
    sum.pins = sum.pins || more.pins;
}

/// Devices whose clsact qdisc an agent made, by its own note.
void add_noted(const PinDir& pins, std::set<uint32_t>& noted) {
    std::error_code ignored;
    for (const auto& note : fs::directory_iterator(pins.qdiscs(), ignored)) {
        const std::string name = note.path().filename().string();
        uint32_t ifindex = 0;
        std::from_chars(name.data(), name.data() + name.size(), ifindex);
        noted.insert(ifindex);
    }
}

/// Filters of pin directories that nobody knows of any more; and of several agents on one device, only the one whose
/// filter was there first knew whose the qdisc is.
Result<> clean_rest(uint32_t ifindex, bool qdisc_is_ours, DetachReport& report) {
    const auto removed = Clsact::detach_all(ifindex);
    if (!removed) return tl::unexpected(removed.error());
    report.filters += *removed;
    if (*removed == 0 && !qdisc_is_ours) return {};
    const auto emptied = Clsact(0).remove_empty_qdisc(ifindex);
    if (!emptied) return tl::unexpected(emptied.error());
    report.qdiscs += *emptied ? 1 : 0;
    return {};
}

} // namespace

Result<DetachReport> detach_node() {
    if (const auto holder = Lock::holder_of_any()) return fail("detach: an agent lives: process " + *holder, EBUSY);
    DetachReport report;
    Result<> first;
    const auto note = [&first](const Error& error) {
        if (first) first = tl::unexpected(error);
    };
    std::set<uint32_t> noted;
    for (const auto& directory : pin_dirs_of_node()) {
        add_noted(PinDir{directory}, noted);
        const auto detached = detach(directory.string());
        detached ? add(report, *detached) : note(detached.error());
    }
    for (const uint32_t ifindex : interfaces())
        if (const auto cleaned = clean_rest(ifindex, noted.contains(ifindex), report);
            !cleaned && cleaned.error().code != ENODEV)
            note(cleaned.error());
    if (!first) return tl::unexpected(first.error());
    Lock::remove_all();
    return report;
}

Result<DetachReport> detach(const std::string& pin_dir) {
    const auto pins = PinDir::named(pin_dir);
    if (!pins) return tl::unexpected(pins.error());
    auto lock = Lock::take(pins->root.string());
    if (!lock) return within("detach", lock.error());

    DetachReport report;
    std::error_code ignored;
    report.pins = fs::exists(pins->root, ignored);
    const auto links = remove_links(*pins);
    if (!links) return within("detach", links.error());
    report.links = *links;
    for (const uint32_t ifindex : interfaces()) {
        const auto cleaned = clean_interface(*pins, ifindex, report);
        if (!cleaned && cleaned.error().code != ENODEV) return within("detach", cleaned.error());
    }
    if (auto removed = pins->remove(); !removed) return within("detach", removed.error());
    lock->remove();
    return report;
}

} // namespace bulkhead::datapath
