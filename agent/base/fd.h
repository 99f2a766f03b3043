// SPDX-License-Identifier: Apache-2.0
//
// A file descriptor that closes itself. Move-only; never converts to int by itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace bulkhead {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }

private:
    void reset() {
        if (fd_ >= 0) close(std::exchange(fd_, -1));
    }

    int fd_ = -1;
};

} // namespace bulkhead
