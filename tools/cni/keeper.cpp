// SPDX-License-Identifier: Apache-2.0
//
// keep_installed(): looks again whenever something in the directories changed.
#include <poll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <iostream>

#include "cni/files.h"
#include "cni/installer.h"

namespace bulkhead::cni {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kUntilNextTry = 1s;
constexpr std::chrono::milliseconds kUntilNextLook = 60s; // whatever inotify says, or doesn't
constexpr std::chrono::milliseconds kUntilNextLock = 200ms;
// Not IN_MODIFY: what is being written isn't whole.
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB;

void say(const std::string& text) {
    std::cout << "bulkhead-cni: " << text << std::endl;
}

Result<Fd> signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return fail("block signals", errno);
    Fd fd(signalfd(-1, &set, SFD_CLOEXEC));
    if (!fd.valid()) return fail("make a signalfd", errno);
    return fd;
}

Result<Fd> watch(const Place& place) {
    Fd fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!fd.valid()) return fail("start inotify", errno);
    for (const auto& directory : {place.conf_dir, place.bin_dir})
        if (inotify_add_watch(fd.get(), directory.c_str(), kEvents) < 0)
            return fail("watch " + directory.string(), errno);
    return fd;
}

/// False: a signal came.
Result<bool> sleep(const Fd& signal, const Fd* news, std::chrono::milliseconds limit) {
    std::array<pollfd, 2> fds{pollfd{.fd = signal.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = news == nullptr ? -1 : news->get(), .events = POLLIN, .revents = 0}};
    if (poll(fds.data(), fds.size(), static_cast<int>(limit.count())) < 0 && errno != EINTR)
        return fail("wait for news", errno);
    std::array<char, 4096> ignored{};
    if (fds[1].revents != 0)
        while (read(news->get(), ignored.data(), ignored.size()) > 0) {
        }
    return fds[0].revents == 0;
}

/// Once for each text, and errors only if they stay: the VPC CNI's file may have been half written.
class Report {
public:
    void take(const Result<std::string>& done) {
        if (done) {
            if (!done->empty()) say(*done);
            error_.clear();
            said_ = false;
            return;
        }
        if (error_ == done.error().text && !std::exchange(said_, true)) say(error_ + "; goes on trying");
        if (error_ != done.error().text) said_ = false;
        error_ = done.error().text;
    }

private:
    std::string error_;
    bool said_ = false;
};

} // namespace

Result<> keep_installed(const Place& place, const Json& entry) {
    const auto signal = signals();
    if (!signal) return tl::unexpected(signal.error());
    Report report;
    auto lock = lock_directory(place.conf_dir);
    while (!lock) { // a former one is ending
        report.take(tl::unexpected(lock.error()));
        const auto on = sleep(*signal, nullptr, kUntilNextLock);
        if (!on || !*on) return on ? Result<>{} : tl::unexpected(on.error());
        lock = lock_directory(place.conf_dir);
    }
    const auto news = watch(place); // before the first look
    if (!news) return tl::unexpected(news.error());
    say("keeps the gate in " + place.conf_dir.string());
    for (bool was_off = false;;) {
        const auto done = put_in_place(place, entry);
        const bool is_off = place.is_off();
        if (is_off && !was_off) say("leaves the gate out as long as " + place.off().string() + " is there");
        was_off = is_off;
        report.take(done);
        // What fails may leave news of its own drafts: then time alone tells when to try again.
        const auto on = done ? sleep(*signal, &*news, kUntilNextLook) : sleep(*signal, nullptr, kUntilNextTry);
        if (!on) return tl::unexpected(on.error());
        if (!*on) break;
    }
    say("ends; the gate stays in place");
    return {};
}

} // namespace bulkhead::cni
