// SPDX-License-Identifier: Apache-2.0
//
// What the tests of credentials share: time that stands until it is moved, texts that look like secrets, plugins
// that are small shell scripts, and waiting for an fd.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "base/fd.h"
#include "source/kube/access.h"
#include "source/kube/clock.h"
#include "source_fixture.h"
#include "support/deadline.h"

namespace bulkhead::source::kube {

using namespace std::chrono_literals;

inline constexpr const char* kV1 = "client.authentication.k8s.io/v1";

class FakeClock : public Clock {
public:
    Steady now() const override { return now_; }
    Wall wall() const override { return std::chrono::floor<std::chrono::seconds>(wall_); }

    void pass(std::chrono::milliseconds time) {
        now_ += time;
        wall_ += time;
    }
    void set_wall(Wall wall) { wall_ = wall; }

private:
    Steady now_{1h};
    std::chrono::sys_time<std::chrono::milliseconds> wall_ =
        std::chrono::sys_days(std::chrono::year(2026) / 6 / 1) + 12h; // 2026-06-01T12:00:00Z
};

inline std::string certificate(const std::string& whose) {
    return "-----BEGIN CERTIFICATE-----\n" + whose + "\n-----END CERTIFICATE-----\n";
}

inline std::string private_key(const std::string& whose) {
    return "-----BEGIN PRIVATE KEY-----\n" + whose + "\n-----END PRIVATE KEY-----\n";
}

/// A program in `directory` that runs `commands` in a shell.
inline std::string script(const TemporaryDirectory& directory, const std::string& name, const std::string& commands) {
    directory.write(name, "#!/bin/sh\n" + commands);
    std::filesystem::permissions(directory.at(name), std::filesystem::perms::owner_all);
    return directory.at(name).string();
}

/// What a plugin prints; `status` is the inside of a JSON object.
inline std::string credential(const std::string& status, const std::string& version = kV1) {
    return R"({"apiVersion":")" + version + R"(","kind":"ExecCredential","status":{)" + status + "}}";
}

/// Shell that prints it. For texts without single quotes.
inline std::string print(const std::string& text) {
    return "printf '%s\\n' '" + text + "'\n";
}

inline Access with_plugin(const std::string& command, const std::string& version = kV1) {
    Access access{};
    access.server = "https://192.0.2.1:6443";
    access.exec = ExecCommand{};
    access.exec->command = command;
    access.exec->api_version = version;
    return access;
}

inline Fd new_epoll() {
    return Fd(epoll_create1(EPOLL_CLOEXEC));
}

inline bool readable(int fd, test::Deadline deadline) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, test::milliseconds_until(deadline)) == 1;
}

/// Orphans of plugins become ours while it lives, so that their end can be waited for.
class Adoption {
public:
    Adoption() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
    Adoption(const Adoption&) = delete;
    Adoption& operator=(const Adoption&) = delete;
    ~Adoption() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

    /// Everybody in that process group has ended.
    static bool ended(pid_t group) {
        const auto none_left = [&] { return ::waitpid(-group, nullptr, WNOHANG) < 0 && errno == ECHILD; };
        return test::wait_until(none_left, test::after(10s));
    }
};

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace bulkhead::source::kube
