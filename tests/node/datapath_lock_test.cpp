// SPDX-License-Identifier: Apache-2.0
//
// One agent per pin directory, whoever comes, waits, dies or clears away meanwhile.
#include "datapath/lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "datapath_support.h"
#include "support/deadline.h"

using namespace bulkhead;
using namespace bulkhead::datapath;
using namespace bulkhead::test;

namespace fs = std::filesystem;

namespace {

/// Nobody else's.
std::string own_name(const std::string& what) {
    return "/test/" + std::to_string(getpid()) + "/" + what;
}

bool is_free(const std::string& name) {
    return Lock::take(name).has_value();
}

/// Somebody of this process waits for a flock.
bool waits() {
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);)
        if (line.find("-> FLOCK") != std::string::npos &&
            line.find(" " + std::to_string(getpid()) + " ") != std::string::npos)
            return true;
    return false;
}

} // namespace

TEST_CASE("a lock that is held is refused at once, with its holder's number, and is free when that ends") {
    const auto name = own_name("held");
    {
        const auto held = need(Lock::take(name));
        const auto second = Lock::take(name);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == EBUSY);
        CHECK(second.error().text == name + " is in use by process " + std::to_string(getpid()));
        CHECK(is_free(own_name("other")));
        CHECK(Lock::holder_of_any());
    }
    need(Lock::take(name)).remove();
}

TEST_CASE("a program that is started while the lock is held doesn't keep it") {
    const auto name = own_name("inherited");
    std::optional<Lock> held(need(Lock::take(name)));
    const pid_t child = fork();
    if (child == 0) {
        execlp("sleep", "sleep", "60", nullptr);
        _exit(127);
    }
    REQUIRE(child > 0);
    const auto is_sleep = [&] {
        std::ifstream file("/proc/" + std::to_string(child) + "/comm");
        std::string comm;
        return std::getline(file, comm) && comm == "sleep";
    };
    CHECK(wait_until(is_sleep, after(10s)));
    held.reset();
    CHECK(is_free(name));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    need(Lock::take(name)).remove();
}

TEST_CASE("who waits while the holder clears the lock away has the one that is there then, and alone") {
    const auto name = own_name("cleared");
    std::optional<Lock> first(need(Lock::take(name)));
    std::optional<Result<Lock>> second;
    std::atomic<bool> has_it{false};
    std::thread waiting([&] {
        second.emplace(Lock::wait(name));
        has_it = true;
    });
    CHECK(wait_until([] { return waits(); }, after(10s)));
    CHECK_FALSE(has_it);
    first->remove();
    first.reset();
    waiting.join();
    REQUIRE(second);
    REQUIRE(*second);
    const auto third = Lock::take(name);
    REQUIRE_FALSE(third);
    CHECK(third.error().code == EBUSY);
    (*second)->remove();
}

TEST_CASE("a lock that is cleared away takes along all that agents keep beside it, and nobody else's") {
    const auto name = own_name("kept"), other = own_name("other");
    auto lock = need(Lock::take(name));
    auto others = need(Lock::take(other));
    std::vector<std::string> files;
    for (const auto& path : {versions_file(name), overrides_file(name), wired_file(name), found_file(name)})
        for (const auto* ending : {"", ".new"})
            files.push_back(path + ending);
    const auto kept = {overrides_file(other), wired_file(other) + ".new"};
    for (const auto& file : files)
        std::ofstream(file) << "{}";
    for (const auto& file : kept)
        std::ofstream(file) << "{}";
    lock.remove();
    for (const auto& file : files) {
        INFO(file);
        CHECK_FALSE(fs::exists(file));
    }
    for (const auto& file : kept)
        CHECK(fs::exists(file));
    others.remove();
    for (const auto& file : kept)
        CHECK_FALSE(fs::exists(file));
}
