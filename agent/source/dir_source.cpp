// SPDX-License-Identifier: Apache-2.0
#include "source/dir_source.h"

#include <malloc.h>
#include <sys/stat.h>

#include "source/content.h"
#include "source/ledger.h"
#include "source/tree.h"
#include "source/watcher.h"

namespace bulkhead::source {

namespace {

using namespace std::chrono_literals;
constexpr auto kLookForDirectory = 1000ms;
constexpr auto kLookWithoutWatch = 5000ms;

// File systems stamp with a coarse clock: two writes within one tick look alike.
constexpr auto kClockTick = 50ms;

// Reading leaves holes in the heap, worth giving back after this many bytes.
constexpr uint64_t kMuch = 4 << 20;

bool is_directory(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_settled(const Signature& signature) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::nanoseconds(signature.changed) + kClockTick < now;
}

} // namespace

struct DirSource::Impl {
    Impl(std::string path, Watcher inotify) : root(std::move(path)), watcher(std::move(inotify)) {}

    void update(state::Cluster& cluster);
    void vanish(const state::Cluster& cluster);
    void scan(state::Cluster& cluster);
    void look_at_changed(const Pending& pending, state::Cluster& cluster);
    bool look_at_created(const std::string& name, state::Cluster& cluster);
    void look_at(const std::string& name, state::Cluster& cluster);
    void read(const std::string& name, state::Cluster& cluster);
    void drop(const std::string& name, state::Cluster& cluster);
    void drop_missing(const Tree& tree, state::Cluster& cluster);
    void watch(const std::string& path, const std::string& name);
    void collect_problems(const state::Cluster& cluster);
    std::string path_of(const std::string& name) const { return root + "/" + name; }

    std::string root;
    Watcher watcher;
    Ledger ledger;
    state::Pool pool;
    std::map<std::string, std::optional<Signature>> known; // files read; nothing = read it again
    std::vector<state::Problem> tree_problems;
    std::vector<state::Problem> watch_problems;
    std::vector<state::Problem> problems;
    std::vector<std::string> hidden; // by the last scan
    std::vector<std::string> unheard;
    uint64_t bytes_read = 0;
    bool synced = false;
    bool vanished = false;
    Hearing hearing{.stale_since = std::chrono::steady_clock::now()};
};

void DirSource::Impl::update(state::Cluster& cluster) {
    const auto pending = watcher.drain();
    // Events of a directory that is gone say "deleted" of every file: look at the directory first.
    if (!is_directory(root)) return vanish(cluster);
    if (!synced || vanished || pending.rescan || !watch_problems.empty()) {
        scan(cluster);
    } else if (pending.files.empty() && pending.created.empty()) {
        return;
    } else {
        look_at_changed(pending, cluster);
    }
    collect_problems(cluster);
    if (std::exchange(bytes_read, 0) > kMuch) malloc_trim(0);
}

void DirSource::Impl::vanish(const state::Cluster& cluster) {
    if (!vanished) ++hearing.failures;
    if (!hearing.stale_since) hearing.stale_since = std::chrono::steady_clock::now();
    vanished = true;
    tree_problems = {{.origin = root,
                      .object = "",
                      .field = "",
                      .text = synced ? "the directory is gone; what it said last stays in force"
                                     : "there is no such directory; nothing is known yet"}};
    collect_problems(cluster);
}

void DirSource::Impl::scan(state::Cluster& cluster) {
    watch_problems.clear();
    watcher.begin_scan();
    const auto tree = walk(root, [this](const std::string& path, const std::string& name) { watch(path, name); });
    for (const auto& [name, file] : tree.files)
        if (file.is_link) watch(path_of(name), name);
    watcher.end_scan();
    if (!is_directory(root)) return vanish(cluster); // it went while we walked: what we missed isn't gone
    for (const auto& [name, file] : tree.files) {
        const auto before = known.find(name);
        if (before == known.end() || before->second != file.signature) read(name, cluster);
    }
    drop_missing(tree, cluster);
    tree_problems = tree.problems;
    hidden = tree.unknown;
    vanished = false;
    synced = true;
    hearing.stale_since.reset();
    ++hearing.lists;
}

void DirSource::Impl::drop_missing(const Tree& tree, state::Cluster& cluster) {
    std::vector<std::string> missing;
    for (const auto& [name, signature] : known)
        if (!tree.may_hold(name)) missing.push_back(name);
    for (const auto& name : missing)
        drop(name, cluster);
}

void DirSource::Impl::look_at_changed(const Pending& pending, state::Cluster& cluster) {
    bool rescan = false;
    for (const auto& name : pending.created)
        rescan |= look_at_created(name, cluster);
    if (rescan) return scan(cluster);
    // What is there before what is gone: a renamed file's objects change hands without a gap.
    std::vector<std::string> gone;
    for (const auto& name : pending.files) {
        struct stat status {};
        if (::lstat(path_of(name).c_str(), &status) != 0) {
            gone.push_back(name);
        } else {
            look_at(name, cluster);
        }
    }
    for (const auto& name : gone)
        drop(name, cluster);
}

/// A created file is not written yet (its writer closes it later), but a link is complete. True = look at
/// everything: a link may lead to a directory.
bool DirSource::Impl::look_at_created(const std::string& name, state::Cluster& cluster) {
    struct stat status {};
    if (::lstat(path_of(name).c_str(), &status) != 0) return false;
    if (S_ISLNK(status.st_mode)) return true;
    const bool is_hard_link = S_ISREG(status.st_mode) && status.st_nlink > 1;
    const bool is_odd = !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode); // reading reports it
    if ((is_hard_link || is_odd) && is_source_name(name.substr(name.rfind('/') + 1))) read(name, cluster);
    return false;
}

void DirSource::Impl::look_at(const std::string& name, state::Cluster& cluster) {
    if (is_directory(path_of(name))) return; // told by another event
    read(name, cluster);
}

void DirSource::Impl::read(const std::string& name, state::Cluster& cluster) {
    auto content = read_content(path_of(name), pool.share(name), pool);
    auto& signature = known[name];
    signature = content.signature && is_settled(*content.signature) ? content.signature : std::nullopt;
    if (content.signature) bytes_read += content.signature->size;
    ++(content.readable ? hearing.events : hearing.failures);
    ledger.apply(name, std::move(content), cluster);
}

void DirSource::Impl::drop(const std::string& name, state::Cluster& cluster) {
    known.erase(name);
    ledger.drop(name, cluster);
}

void DirSource::Impl::watch(const std::string& path, const std::string& name) {
    const auto watched = watcher.add(path, name);
    if (!watched && watched.error().code != ENOENT)
        watch_problems.push_back({.origin = name.empty() ? root : name,
                                  .object = "",
                                  .field = "",
                                  .text = watched.error().text + "; looking again every 5 seconds instead"});
}

void DirSource::Impl::collect_problems(const state::Cluster& cluster) {
    problems = ledger.problems(cluster);
    problems.insert(problems.end(), tree_problems.begin(), tree_problems.end());
    problems.insert(problems.end(), watch_problems.begin(), watch_problems.end());
    unheard = ledger.unheard(cluster);
    unheard.insert(unheard.end(), hidden.begin(), hidden.end());
}

Result<DirSource> DirSource::create(std::string path) {
    auto watcher = Watcher::create();
    if (!watcher) return within("follow " + path, watcher.error());
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return DirSource(std::make_unique<Impl>(std::move(path), std::move(*watcher)));
}

DirSource::DirSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DirSource::DirSource(DirSource&&) noexcept = default;
DirSource& DirSource::operator=(DirSource&&) noexcept = default;
DirSource::~DirSource() = default;

int DirSource::fd() const {
    return impl_->watcher.fd();
}

void DirSource::update(state::Cluster& cluster) {
    impl_->update(cluster);
}

bool DirSource::synced() const {
    return impl_->synced;
}

const std::vector<std::string>& DirSource::unheard() const {
    return impl_->unheard;
}

std::optional<std::chrono::milliseconds> DirSource::retry_after() const {
    if (impl_->vanished || !impl_->synced) return kLookForDirectory;
    if (!impl_->watch_problems.empty()) return kLookWithoutWatch;
    return std::nullopt;
}

const std::vector<state::Problem>& DirSource::problems() const {
    return impl_->problems;
}

Hearing DirSource::hearing() const {
    return impl_->hearing;
}

} // namespace bulkhead::source
