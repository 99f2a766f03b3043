// SPDX-License-Identifier: Apache-2.0
#include "aws/secret_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.h"

namespace bulkhead::aws {

namespace {

constexpr size_t kLargestSecret = 64 << 10; // bytes

} // namespace

Result<std::string> check_secret(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == text.npos) return fail("is empty");
    auto secret = text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
    if (std::any_of(secret.begin(), secret.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
        return fail("has control characters, which no token has");
    return secret;
}

Result<std::string> read_secret_file(const std::string& path) {
    // O_NONBLOCK: opening a FIFO must not wait for somebody to write.
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.valid()) return fail("open " + path, errno);
    std::string text;
    std::array<char, 4096> piece{};
    while (text.size() <= kLargestSecret) {
        const auto got = ::read(fd.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail("read " + path, errno);
        if (got == 0) break;
        text.append(piece.data(), static_cast<size_t>(got));
    }
    if (text.size() > kLargestSecret) return fail("read " + path + ": has more than 64 KiB");
    auto secret = check_secret(text);
    if (!secret) return fail("read " + path + ": " + secret.error().text);
    return secret;
}

} // namespace bulkhead::aws
