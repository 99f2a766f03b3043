// SPDX-License-Identifier: Apache-2.0
#include "datapath/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace bulkhead::datapath {

namespace {

constexpr const char* kDirectory = "/run/bulkhead";

/// 64-bit FNV-1a.
std::string path_of(const std::string& name, const char* extension = ".lock") {
    uint64_t hash = 14695981039346656037u;
    for (const char c : name)
        hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
    char text[32];
    std::snprintf(text, sizeof(text), "/%016llx", static_cast<unsigned long long>(hash));
    return std::string(kDirectory) + text + extension;
}

/// The file may have been removed between our open and our flock.
bool still_there(const Fd& fd, const std::string& path) {
    struct stat opened {};
    struct stat named {};
    return fstat(fd.get(), &opened) == 0 && stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/// That our files are somebody else's is a right that we lack, as for all else that we do.
int as_right(int error) {
    return error == EACCES ? EPERM : error;
}

std::string holder_of(const std::string& path) {
    std::string pid;
    std::ifstream(path) >> pid;
    return pid.empty() ? "another process" : "process " + pid;
}

void sign(const Fd& fd) {
    const std::string text = std::to_string(getpid()) + "\n";
    // The pid is only for people; the lock is the flock.
    if (ftruncate(fd.get(), 0) == 0) [[maybe_unused]]
        ssize_t written = pwrite(fd.get(), text.data(), text.size(), 0);
}

} // namespace

Result<Lock> Lock::acquire(const std::string& name, int operation) {
    const std::string path = path_of(name);
    for (;;) {
        std::error_code error;
        std::filesystem::create_directories(kDirectory, error);
        if (error) return fail(std::string("create ") + kDirectory, as_right(error.value()));
        Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!fd.valid() && errno == ENOENT) continue; // who unlocked last took the directory along
        if (!fd.valid()) return fail("open " + path, as_right(errno));
        if (flock(fd.get(), operation) != 0) {
            if (errno == EINTR) continue;
            if (errno != EWOULDBLOCK) return fail("lock " + path, errno);
            return tl::unexpected(Error{name + " is in use by " + holder_of(path), EBUSY});
        }
        if (!still_there(fd, path)) continue;
        sign(fd);
        return Lock(std::move(fd), name, path);
    }
}

Result<Lock> Lock::take(const std::string& name) {
    return acquire(name, LOCK_EX | LOCK_NB);
}

Result<Lock> Lock::wait(const std::string& name) {
    return acquire(name, LOCK_EX);
}

std::optional<std::string> Lock::holder_of_any() {
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(kDirectory, ignored)) {
        if (file.path().extension() != ".lock") continue;
        const Fd fd(open(file.path().c_str(), O_RDWR | O_CLOEXEC));
        if (!fd.valid() || flock(fd.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) continue;
        std::string pid = "unknown";
        std::ifstream(file.path()) >> pid;
        return pid;
    }
    return std::nullopt;
}

void Lock::remove_all() {
    constexpr std::array<std::string_view, 7> kOurs{".lock",  ".versions", ".overrides", ".wired",
                                                    ".found", ".new",      ".sock"};
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(kDirectory, ignored))
        if (std::ranges::find(kOurs, file.path().extension().string()) != kOurs.end())
            std::filesystem::remove(file.path(), ignored);
    rmdir(kDirectory); // unless something else is in it
}

void Lock::remove() {
    for (const auto& file : {versions_file(name_), overrides_file(name_), wired_file(name_), found_file(name_)}) {
        unlink(file.c_str());
        unlink((file + ".new").c_str()); // of an agent that was killed while it wrote
    }
    unlink(path_.c_str());
    rmdir(kDirectory); // unless others are in it
}

std::string overrides_file(const std::string& name) {
    return path_of(name, ".overrides");
}

std::string wired_file(const std::string& name) {
    return path_of(name, ".wired");
}

std::string found_file(const std::string& name) {
    return path_of(name, ".found");
}

std::string versions_file(const std::string& name) {
    return path_of(name, ".versions");
}

} // namespace bulkhead::datapath
