// SPDX-License-Identifier: Apache-2.0
//
// Named network namespaces (those of `ip netns` and podnet, below /run/netns) for node tests. A network
// namespace belongs to a thread; run() borrows a fresh one, so the caller's never changes. What a socket
// was opened in it keeps: only opening needs run().
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead::test {

class Netns {
public:
    static Result<Netns> open(const std::string& name);

    const std::string& name() const { return name_; }
    int fd() const { return fd_.get(); }

    /// Runs `work` inside and hands back what it returns or throws. Throws std::system_error if the
    /// namespace can't be entered.
    template <typename Work>
    auto run(Work&& work) const -> std::invoke_result_t<Work>;

    /// Moves the calling thread into it, for good.
    void enter() const;

private:
    Netns(std::string name, Fd fd) : name_(std::move(name)), fd_(std::move(fd)) {}

    std::string name_;
    Fd fd_;
};

/// A namespace of its own, with loopback up, that goes when this does. For tests that need no pods.
class ScopedNetns {
public:
    /// `hint` becomes part of the name.
    static Result<ScopedNetns> create(const std::string& hint);
    ScopedNetns(ScopedNetns&& other) noexcept
        : netns_(std::move(other.netns_)), name_(std::exchange(other.name_, {})) {}
    ScopedNetns& operator=(ScopedNetns&&) = delete;
    ~ScopedNetns();

    const Netns& operator*() const { return *netns_; }
    const Netns* operator->() const { return &*netns_; }

private:
    explicit ScopedNetns(Netns netns) : netns_(std::move(netns)), name_(netns_->name()) {}

    std::optional<Netns> netns_;
    std::string name_; // empty once moved from
};

template <typename Work>
auto Netns::run(Work&& work) const -> std::invoke_result_t<Work> {
    using Value = std::invoke_result_t<Work>;
    std::exception_ptr thrown;
    std::conditional_t<std::is_void_v<Value>, std::nullptr_t, std::optional<Value>> value{};
    std::thread([&] {
        try {
            enter();
            if constexpr (std::is_void_v<Value>) {
                std::forward<Work>(work)();
            } else {
                value.emplace(std::forward<Work>(work)());
            }
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    if (thrown) std::rethrow_exception(thrown);
    if constexpr (!std::is_void_v<Value>) return std::move(*value);
}

} // namespace bulkhead::test
