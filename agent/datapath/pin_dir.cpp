// SPDX-License-Identifier: Apache-2.0
#include "datapath/pin_dir.h"

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <spdlog/spdlog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstdio>

#include "datapath/lock.h"

namespace bulkhead::datapath {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDefaultMount = "/sys/fs/bpf";
constexpr const char* kMountSource = "bulkhead"; // 5.10 forgets it: for people only

fs::path nearest_existing(fs::path path) {
    std::error_code ignored;
    while (!fs::exists(path, ignored) && path.has_relative_path())
        path = path.parent_path();
    return path;
}

bool lies_on_bpffs(const fs::path& path) {
    struct statfs info {};
    return statfs(nearest_existing(path).c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

bool is_below(const fs::path& path, const fs::path& ancestor) {
    const fs::path relative = path.lexically_relative(ancestor);
    return !relative.empty() && *relative.begin() != "..";
}

Result<> make_directories(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return fail("create " + path.string(), error.value());
    return {};
}

/// As far as we can see.
bool is_in_host_mounts() {
    struct stat ours {};
    struct stat hosts {};
    if (stat("/proc/self/ns/mnt", &ours) != 0 || stat("/proc/1/ns/mnt", &hosts) != 0) return true;
    return ours.st_ino == hosts.st_ino;
}

Result<> mount_here(const fs::path& at) {
    if (auto made = make_directories(at); !made) return made;
    if (mount(kMountSource, at.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0)
        return fail("mount bpffs at " + at.string(), errno);
    if (!is_in_host_mounts())
        spdlog::warn(
            "mounted a bpffs at {} that only this mount namespace sees: what is pinned there ends with it, and "
            "with it the enforcement. Mount the host's into the container (hostPath)",
            at.string());
    return {};
}

/// Two agents may start at once: whoever comes second must not mount over the first one's pins.
Result<> mount_bpffs(const fs::path& at) {
    auto lock = Lock::wait("mount");
    if (!lock) return tl::unexpected(lock.error());
    auto mounted = lies_on_bpffs(at) ? Result<>{} : mount_here(at);
    lock->remove();
    return mounted;
}

/// FNV-1a.
uint32_t hash(const std::string& text) {
    uint32_t value = 2166136261u;
    for (const char c : text)
        value = (value ^ static_cast<uint8_t>(c)) * 16777619u;
    return value;
}

} // namespace

Result<PinDir> PinDir::named(const std::string& path) {
    std::error_code error;
    fs::path root = fs::weakly_canonical(fs::absolute(path, error), error);
    if (error || path.empty())
        return fail("resolve the pin directory \"" + path + "\"", error ? error.value() : EINVAL);
    if (!root.has_filename()) root = root.parent_path();
    return PinDir{root};
}

Result<> PinDir::create() const {
    if (!lies_on_bpffs(root)) {
        const fs::path at = is_below(root, kDefaultMount) ? fs::path(kDefaultMount) : root;
        if (auto mounted = mount_bpffs(at); !mounted) return mounted;
        if (at == root)
            if (auto marked = make_directories(mount_mark()); !marked) return marked;
    }
    for (const fs::path& directory : {maps(), programs(), links(), qdiscs()})
        if (auto made = make_directories(directory); !made) return made;
    return {};
}

Result<> PinDir::remove() const {
    std::error_code error;
    if (!fs::exists(root, error)) return {};
    const bool mounted_here = fs::exists(mount_mark(), error); // goes with the mount
    for (const fs::path& directory : {maps(), next_maps(), programs(), links(), qdiscs(), adopted_mark()}) {
        fs::remove_all(directory, error);
        if (error) return fail("remove " + directory.string(), error.value());
    }
    if (mounted_here && umount2(root.c_str(), MNT_DETACH) != 0) return fail("unmount " + root.string(), errno);
    fs::remove(root, error);
    // Somebody else's mount, or files of somebody else's: not ours to remove.
    if (error && error.value() != EBUSY && error.value() != ENOTEMPTY)
        return fail("remove " + root.string(), error.value());
    return {};
}

uint32_t PinDir::tag() const {
    const uint32_t hashed = hash(root.string());
    // The top bit keeps it away from the small numbers that others choose or the kernel gives out.
    return 0x800000 | ((hashed ^ (hashed >> 24)) & 0x7fffff);
}

Result<> pin(int fd, const fs::path& path) {
    // Under another name first: a rename leaves no moment without a pin. (bpffs allows no dots.)
    const fs::path fresh = path.string() + "_new";
    std::error_code ignored;
    fs::remove(fresh, ignored);
    if (int error = -bpf_obj_pin(fd, fresh.c_str())) return fail("pin " + path.string(), error);
    if (std::rename(fresh.c_str(), path.c_str()) != 0) return fail("pin " + path.string(), errno);
    return {};
}

} // namespace bulkhead::datapath
