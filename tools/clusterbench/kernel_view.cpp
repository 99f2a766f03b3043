// SPDX-License-Identifier: Apache-2.0
#include "kernel_view.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <span>

#include "place.h"

namespace bulkhead::bench {

namespace {

template <typename Key, typename Value>
Result<> open_map(const char* name, Map<Key, Value>& map) {
    Fd fd(bpf_obj_get(Agent::map(name).c_str()));
    if (!fd.valid()) return fail(std::string("open the pinned ") + name, errno);
    map = Map<Key, Value>(std::move(fd), name, 0);
    return {};
}

} // namespace

Result<KernelView> KernelView::open() {
    KernelView view;
    if (auto opened = open_map("endpoints4", view.endpoints_); !opened) return tl::unexpected(opened.error());
    if (auto opened = open_map("identities", view.identities_); !opened) return tl::unexpected(opened.error());
    if (auto opened = open_map("openings", view.openings_); !opened) return tl::unexpected(opened.error());
    return view;
}

std::optional<uint32_t> KernelView::identity_of(const Address& address) const {
    const auto row = endpoints_.find(address.raw4());
    return row ? std::optional(row->identity) : std::nullopt;
}

bool KernelView::is_protected(const Address& address) const {
    const auto id = identity_of(address);
    const auto identity = id ? identities_.find(*id) : std::nullopt;
    return identity && (identity->flags & BH_PROTECTED) != 0;
}

bool KernelView::exposes(const Address& address, uint16_t port) const {
    const auto id = identity_of(address);
    if (!id) return false;
    const auto block = openings_.find({.dst = *id, .src = BH_IDENTITY_ANY, .part = 0});
    if (!block) return false;
    return std::ranges::any_of(std::span(block->row, block->count),
                               [port](const bh_opening& row) { return row.first_port == port; });
}

bool KernelView::grants(const Address& to, const Address& from) const {
    const auto dst = identity_of(to);
    const auto src = identity_of(from);
    return dst && src && openings_.find({.dst = *dst, .src = *src, .part = 0}).has_value();
}

} // namespace bulkhead::bench
