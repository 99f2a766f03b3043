// SPDX-License-Identifier: Apache-2.0
#include "cni/files.h"

#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <vector>

namespace bulkhead::cni {

namespace {

namespace fs = std::filesystem;

bool is_same(const struct stat& a, const struct stat& b) {
    return a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
           a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Hidden, and nobody else's.
constexpr auto kDraftPrefix = ".bulkhead-cni-draft.";

/// Its name has no ending that container runtimes look for.
class Draft {
public:
    explicit Draft(const fs::path& path)
        : name_(path.parent_path() / (kDraftPrefix + path.filename().string() + ".XXXXXX")) {
        fd_ = Fd(mkostemp(name_.data(), O_CLOEXEC));
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        if (!renamed_) unlink(name_.c_str());
    }

    /// 0 or an errno.
    int write(const std::string& text, mode_t mode) {
        if (!fd_.valid()) return errno;
        for (size_t done = 0; done < text.size();) {
            const ssize_t wrote = ::write(fd_.get(), text.data() + done, text.size() - done);
            if (wrote < 0) return errno;
            done += static_cast<size_t>(wrote);
        }
        return fchmod(fd_.get(), mode) == 0 && fsync(fd_.get()) == 0 ? 0 : errno;
    }
    int give_to(const struct stat& owner) {
        if (owner.st_uid == geteuid() && owner.st_gid == getegid()) return 0;
        return fchown(fd_.get(), owner.st_uid, owner.st_gid) == 0 ? 0 : errno;
    }
    int rename_to(const fs::path& path) {
        fd_ = Fd(); // or it couldn't be executed
        renamed_ = rename(name_.c_str(), path.c_str()) == 0;
        return renamed_ ? 0 : errno;
    }

private:
    std::string name_;
    Fd fd_;
    bool renamed_ = false;
};

} // namespace

Result<FileText> read_file(const fs::path& path) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    FileText file;
    if (!fd.valid() || fstat(fd.get(), &file.state) != 0) return fail("read " + path.string(), errno);
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
        if (got < 0) return fail("read " + path.string(), errno);
        if (got == 0) return file;
        file.text.append(buffer.data(), static_cast<size_t>(got));
    }
}

Result<> replace_file(const fs::path& path, const FileText& before, const std::string& text) {
    Draft draft(path);
    const auto action = "write " + path.string();
    if (const int error = draft.write(text, before.state.st_mode & 07777); error != 0) return fail(action, error);
    if (const int error = draft.give_to(before.state); error != 0) return fail(action, error);
    struct stat now {};
    if (stat(path.c_str(), &now) != 0) return fail(action, errno);
    if (!is_same(before.state, now)) return fail(action + ": somebody else writes it", EBUSY);
    if (const int error = draft.rename_to(path); error != 0) return fail(action, error);
    return {};
}

Result<> put_file(const fs::path& path, const std::string& text, mode_t mode) {
    Draft draft(path);
    if (const int error = draft.write(text, mode); error != 0) return fail("write " + path.string(), error);
    if (const int error = draft.rename_to(path); error != 0) return fail("write " + path.string(), error);
    return {};
}

Result<Fd> lock_directory(const fs::path& path) {
    Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return fail("open " + path.string(), errno);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        return fail("lock " + path.string() + ", where another installer is at work (install --watch?)", errno);
    return fd;
}

void remove_drafts(const fs::path& directory) {
    std::vector<fs::path> drafts;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
        if (it->path().filename().string().starts_with(kDraftPrefix)) drafts.push_back(it->path());
    for (const auto& draft : drafts)
        fs::remove(draft, error);
}

} // namespace bulkhead::cni
