// SPDX-License-Identifier: Apache-2.0
#include "source/text_file.h"

#include <fcntl.h>
#include <simdjson.h>

#include "base/fd.h"
#include "source/reader.h"

namespace bulkhead::source {

namespace {

int64_t nanoseconds(const timespec& time) {
    return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Result<> check_kind(const struct stat& status) {
    if (!S_ISREG(status.st_mode)) return fail("is not a regular file");
    if (status.st_size > static_cast<off_t>(kLargestFile))
        return fail("has " + std::to_string(status.st_size >> 20) + " MiB, more than the 32 MiB that a file may have");
    return {};
}

Result<std::string> read_all_of(int fd, size_t expected) {
    std::string text;
    text.reserve(expected + kJsonPadding);
    text.resize(expected);
    size_t length = 0;
    while (length < text.size()) {
        const auto got = ::read(fd, text.data() + length, text.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail("cannot be read", errno);
        if (got == 0) break; // somebody cut it shorter meanwhile; the next event tells
        length += static_cast<size_t>(got);
    }
    text.resize(length);
    return text;
}

Result<> check_text(const std::string& text) {
    if (text.find('\0') != std::string::npos) return fail("is binary, not text (it has NUL bytes)");
    if (!simdjson::validate_utf8(text)) return fail("is binary, not text (it is not UTF-8)");
    return {};
}

} // namespace

Signature Signature::of(const struct stat& status) {
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .size = static_cast<uint64_t>(status.st_size),
            .modified = nanoseconds(status.st_mtim),
            .changed = nanoseconds(status.st_ctim)};
}

Result<TextFile> read_text_file(const std::string& path) {
    // O_NONBLOCK: opening a FIFO must not wait for somebody to write.
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.valid()) return fail("cannot be opened", errno);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return fail("cannot be looked at", errno);
    if (auto checked = check_kind(status); !checked) return tl::unexpected(checked.error());
    auto text = read_all_of(fd.get(), static_cast<size_t>(status.st_size));
    if (!text) return tl::unexpected(text.error());
    if (auto checked = check_text(*text); !checked) return tl::unexpected(checked.error());
    return TextFile{.text = std::move(*text), .signature = Signature::of(status)};
}

} // namespace bulkhead::source
