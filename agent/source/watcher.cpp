// SPDX-License-Identifier: Apache-2.0
#include "source/watcher.h"

#include <array>

#include "source/content.h"

namespace bulkhead::source {

namespace {

// Not IN_MODIFY: a file counts when its writer closes it.
constexpr uint32_t kEvents =
    IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

} // namespace

std::string join(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
}

Result<Watcher> Watcher::create() {
    Fd fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd.valid()) return fail("start inotify", errno);
    return Watcher(std::move(fd));
}

Result<> Watcher::add(const std::string& path, const std::string& name) {
    const int watch = inotify_add_watch(fd_.get(), path.c_str(), kEvents);
    if (watch < 0) return fail("watch " + path, errno);
    names_[watch] = name;
    seen_.insert(watch);
    return {};
}

void Watcher::end_scan() {
    std::erase_if(names_, [&](const auto& entry) {
        if (seen_.contains(entry.first)) return false;
        inotify_rm_watch(fd_.get(), entry.first); // fails if the kernel has forgotten it already
        return true;
    });
}

void Watcher::take(const inotify_event& event, Pending& pending) const {
    if (event.mask & IN_Q_OVERFLOW) {
        pending.rescan = true;
        return;
    }
    const auto watched = names_.find(event.wd);
    if (watched == names_.end()) return; // of a directory that is no longer ours
    const std::string entry = event.len == 0 ? "" : event.name;
    // Kubernetes swaps a mounted ConfigMap by renaming one link, "..data", that all its files go through.
    const bool swapped = entry.starts_with("..");
    if (entry.empty() || swapped || (event.mask & IN_ISDIR) != 0) {
        pending.rescan = true;
        return;
    }
    if (entry.starts_with('.')) return;
    const bool is_source = is_source_name(entry);
    const bool is_new = (event.mask & IN_CREATE) != 0 || (!is_source && (event.mask & IN_MOVED_TO) != 0);
    if (is_new) pending.created.insert(join(watched->second, entry));
    if (is_source && !is_new) pending.files.insert(join(watched->second, entry));
}

Pending Watcher::drain() {
    Pending pending;
    alignas(inotify_event) std::array<char, 64 << 10> buffer;
    for (;;) {
        const auto length = ::read(fd_.get(), buffer.data(), buffer.size());
        if (length <= 0) return pending; // EAGAIN: nothing more
        for (const char* at = buffer.data(); at < buffer.data() + length;) {
            const auto* event = reinterpret_cast<const inotify_event*>(at);
            take(*event, pending);
            at += sizeof(inotify_event) + event->len;
        }
    }
}

} // namespace bulkhead::source
