// SPDX-License-Identifier: Apache-2.0
#include "datapath/tcx.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "base/fd.h"
#include "datapath/pin_dir.h"

namespace bulkhead::datapath {

namespace fs = std::filesystem;

namespace {

constexpr uint32_t kMaxPrograms = 64; // BPF_MPROG_MAX: more the kernel doesn't take

struct Chain {
    std::array<uint32_t, kMaxPrograms> links{};
    uint32_t count = 0;

    std::span<const uint32_t> ids() const { return {links.data(), count}; }
};

bpf_attach_type type_of(Hook hook) {
    return side_of(hook) == Side::kIngress ? BPF_TCX_INGRESS : BPF_TCX_EGRESS;
}

std::string place(uint32_t ifindex, Hook hook) {
    return std::string(name_of(hook)) + " on interface " + std::to_string(ifindex);
}

/// Link ids in the order in which they run; 0 for a program without a link.
Result<Chain> chain_of(uint32_t ifindex, Hook hook) {
    Chain chain;
    std::array<uint32_t, kMaxPrograms> programs{};
    struct bpf_prog_query_opts options {};
    options.sz = sizeof(options);
    options.prog_ids = programs.data();
    options.link_ids = chain.links.data();
    options.count = kMaxPrograms;
    const int error = -bpf_prog_query_opts(static_cast<int>(ifindex), type_of(hook), &options);
    if (error == ENOENT) return chain;
    if (error != 0) return fail("query tcx " + place(ifindex, hook), error);
    chain.count = options.count;
    return chain;
}

std::optional<uint32_t> id_of(const Fd& link) {
    bpf_link_info info{};
    uint32_t size = sizeof(info);
    if (!link.valid() || bpf_link_get_info_by_fd(link.get(), &info, &size) != 0) return std::nullopt;
    return info.id;
}

/// Where the link stands in the chain; empty = not in it.
std::optional<size_t> rank(const Chain& chain, const Fd& link) {
    const auto id = id_of(link);
    const auto found = id ? std::ranges::find(chain.ids(), *id) : chain.ids().end();
    if (found == chain.ids().end()) return std::nullopt;
    return static_cast<size_t>(found - chain.ids().begin());
}

Result<> unpin(const fs::path& path) {
    std::error_code error;
    fs::remove(path, error);
    if (error) return fail("remove " + path.string(), error.value());
    return {};
}

Result<Fd> create_link(uint32_t ifindex, Hook hook, int program_fd) {
    bpf_link_create_opts options{};
    options.sz = sizeof(options);
    options.flags = BPF_F_BEFORE;
    Fd link(bpf_link_create(program_fd, static_cast<int>(ifindex), type_of(hook), &options));
    if (!link.valid()) return fail("attach tcx " + place(ifindex, hook), errno);
    return link;
}

uint32_t device_of(const fs::path& pin) {
    const std::string name = pin.filename().string();
    uint32_t ifindex = 0;
    std::from_chars(name.data(), name.data() + name.size(), ifindex);
    return ifindex;
}

/// A link whose device is gone tells interface 0.
bool is_stale(const fs::path& pin) {
    const Fd link(bpf_obj_get(pin.c_str()));
    bpf_link_info info{};
    uint32_t size = sizeof(info);
    if (!link.valid() || bpf_link_get_info_by_fd(link.get(), &info, &size) != 0) return true;
    return info.tcx.ifindex == 0;
}

} // namespace

fs::path Tcx::pin_of(uint32_t ifindex, Hook hook) const {
    return links_ / (std::to_string(ifindex) + "-" + name_of(hook));
}

Result<> Tcx::attach(uint32_t ifindex, Hook hook, int program_fd) const {
    const fs::path path = pin_of(ifindex, hook);
    const auto chain = chain_of(ifindex, hook);
    if (!chain) return tl::unexpected(chain.error());
    const Fd known(bpf_obj_get(path.c_str()));
    if (rank(*chain, known)) {
        if (int error = -bpf_link_update(known.get(), program_fd, nullptr))
            return fail("update tcx " + place(ifindex, hook), error);
        return {};
    }
    if (auto removed = unpin(path); !removed) return removed;
    const auto link = create_link(ifindex, hook, program_fd);
    if (!link) return tl::unexpected(link.error());
    return pin(link->get(), path);
}

Result<bool> Tcx::detach(uint32_t ifindex, Hook hook) const {
    const fs::path path = pin_of(ifindex, hook);
    const Fd link(bpf_obj_get(path.c_str()));
    if (!link.valid()) return errno == ENOENT ? Result<bool>(false) : fail("open " + path.string(), errno);
    const int error = -bpf_link_detach(link.get());
    if (error != 0 && error != ENOLINK)
        return fail("detach tcx " + place(ifindex, hook), error); // ENOLINK: device gone
    if (auto removed = unpin(path); !removed) return tl::unexpected(removed.error());
    return true;
}

Result<Attachment> Tcx::query(uint32_t ifindex, Hook hook) const {
    const auto chain = chain_of(ifindex, hook);
    if (!chain) return tl::unexpected(chain.error());
    const Fd link(bpf_obj_get(pin_of(ifindex, hook).c_str()));
    const auto place = rank(*chain, link);
    return Attachment{.attached = place.has_value(), .first = place == size_t{0}};
}

bool Tcx::is_pinned(uint32_t ifindex) const {
    std::error_code ignored;
    return std::ranges::any_of(kHooks, [&](const Hook hook) { return fs::exists(pin_of(ifindex, hook), ignored); });
}

std::set<uint32_t> Tcx::pinned() const {
    std::set<uint32_t> devices;
    for (std::error_code error; const auto& pin : fs::directory_iterator(links_, error))
        devices.insert(device_of(pin.path()));
    return devices;
}

int Tcx::remove_stale() const {
    int removed = 0;
    for (std::error_code error; const auto& pin : fs::directory_iterator(links_, error))
        if (is_stale(pin.path()) && fs::remove(pin.path(), error)) removed++;
    return removed;
}

} // namespace bulkhead::datapath
