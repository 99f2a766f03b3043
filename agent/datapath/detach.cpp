// SPDX-License-Identifier: Apache-2.0
#include "datapath/detach.h"

#include <net/if.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "datapath/clsact.h"
#include "datapath/lock.h"
#include "datapath/pin_dir.h"
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

std::vector<uint32_t> interfaces() {
    std::vector<uint32_t> found;
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> list(if_nameindex(), if_freenameindex);
    for (const auto* each = list.get(); each != nullptr && each->if_index != 0; each++)
        found.push_back(each->if_index);
    return found;
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

} // namespace

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
