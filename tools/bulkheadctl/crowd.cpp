// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/crowd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <list>
#include <utility>

#include "source/kube/spawn.h"

namespace bulkhead::ctl {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kLook = 100ms;
constexpr auto kSlowest = 1s; // between two looks; what is longer is the fault of whoever reads us
constexpr size_t kLongestComplaint = 4096;
constexpr int kCannotRun = 127; // of a shell, and of posix_spawn where it can't say so earlier

/// One that runs.
struct Member {
    size_t index;
    source::kube::Spawned child;
    std::string complaint;
    Clock::time_point seen = Clock::now(); // when it was looked at last
    Clock::duration spent{};               // of `total`
    Clock::duration silence{};             // since it was heard
    size_t bytes = 0;
    bool is_silent = false; // and that is told
};

std::string first_line(const std::string& text) {
    constexpr std::string_view kOurs = "bulkheadctl: ";
    size_t from = text.starts_with(kOurs) ? kOurs.size() : 0;
    return text.substr(from, text.find('\n', from) - from);
}

std::string verdict_on(const Member& member, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (!member.complaint.empty()) return first_line(member.complaint);
    if (WIFSIGNALED(status)) return std::string("ended by signal ") + strsignal(WTERMSIG(status));
    const int code = WEXITSTATUS(status);
    return code == kCannotRun ? "cannot be run" : "ended with status " + std::to_string(code);
}

/// Of stdout only that its reader has gone: a file, and a terminal at which somebody types, are readable all the time.
short wake_events(int fd) {
    return fd == STDOUT_FILENO ? short{0} : short{POLLIN};
}

int wait_for(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

class Running {
public:
    explicit Running(const Crowd& crowd) : crowd_(crowd), verdicts_(crowd.commands.size()) {}
    Running(const Running&) = delete;
    ~Running() {
        for (auto& member : members_)
            end(member);
    }

    std::vector<std::string> run() {
        start_some();
        while (!members_.empty() && !is_enough()) {
            wait();
            for (auto member = members_.begin(); member != members_.end();)
                member = look_at(*member) ? std::next(member) : members_.erase(member);
            start_some();
        }
        return verdicts_;
    }

private:
    bool is_enough() const { return crowd_.enough && crowd_.enough(); }
    bool wants(const Member& member) const { return !crowd_.wants || crowd_.wants(member.index); }

    void start_some() {
        while (members_.size() < crowd_.at_once && next_ < crowd_.commands.size()) {
            const size_t index = next_++;
            const auto& words = crowd_.commands[index];
            auto child = source::kube::spawn({.command = words.front(),
                                              .arguments = {words.begin() + 1, words.end()},
                                              .environment = {},
                                              .api_version = {},
                                              .install_hint = {},
                                              .provide_cluster = false,
                                              .cluster_config = {}},
                                             {});
            if (child) {
                members_.push_back({.index = index, .child = std::move(*child), .complaint = {}});
                continue;
            }
            verdicts_[index] = "run " + words.front() + ": " + std::strerror(child.error().code);
            if (crowd_.ended) crowd_.ended(index, verdicts_[index]);
        }
    }

    void wait() {
        std::vector<pollfd> waits;
        for (const int fd : crowd_.wakes)
            waits.push_back({.fd = fd, .events = wake_events(fd), .revents = 0});
        for (const auto& member : members_) {
            waits.push_back({.fd = wants(member) ? member.child.output.get() : -1, .events = POLLIN, .revents = 0});
            waits.push_back({.fd = member.child.errors.get(), .events = POLLIN, .revents = 0});
        }
        poll(waits.data(), waits.size(), static_cast<int>(kLook.count()));
    }

    /// False: it has ended.
    bool look_at(Member& member) {
        listen_to_errors(member);
        const auto since = Clock::now() - std::exchange(member.seen, Clock::now());
        if (!wants(member)) {
            member.silence = {}; // it is we who are slow
            return true;
        }
        member.spent += std::min<Clock::duration>(since, kSlowest);
        member.silence += std::min<Clock::duration>(since, kSlowest);
        std::array<char, 64 << 10> buffer{};
        const auto size = read(member.child.output.get(), buffer.data(), buffer.size());
        if (size == 0) return finish(member, {});
        if (size > 0) hear(member, std::string_view(buffer.data(), static_cast<size_t>(size)));
        const auto why = trouble_with(member);
        return why.empty() || finish(member, why);
    }

    void hear(Member& member, std::string_view bytes) {
        member.silence = {};
        if (std::exchange(member.is_silent, false) && crowd_.back) crowd_.back(member.index);
        member.bytes += bytes.size();
        if (!crowd_.longest || member.bytes <= *crowd_.longest) crowd_.bytes(member.index, bytes);
    }

    /// Why it is to be ended; empty = it isn't.
    std::string trouble_with(Member& member) const {
        if (crowd_.longest && member.bytes > *crowd_.longest)
            return "its answer is longer than " + std::to_string(*crowd_.longest >> 20) + " MiB";
        if (crowd_.total && member.spent > *crowd_.total)
            return "its answer isn't complete after " + std::to_string(crowd_.total->count()) + " s";
        const auto patience = member.bytes != 0 && crowd_.pause ? crowd_.pause : crowd_.patience;
        if (!patience || member.silence <= *patience) return {};
        if (!crowd_.silent) return "no answer within " + std::to_string(patience->count()) + " s";
        if (!std::exchange(member.is_silent, true)) crowd_.silent(member.index, *patience);
        return {};
    }

    static void listen_to_errors(Member& member) {
        std::array<char, kLongestComplaint> buffer{};
        if (!member.child.errors.valid()) return;
        const auto size = read(member.child.errors.get(), buffer.data(), buffer.size());
        if (size == 0) member.child.errors = Fd(); // its end is readable for ever: nothing would wait any more
        if (size > 0 && member.complaint.size() < kLongestComplaint)
            member.complaint.append(buffer.data(), static_cast<size_t>(size));
    }

    /// It has said all, or is to be ended because of `why`.
    bool finish(Member& member, const std::string& why) {
        if (!why.empty()) {
            end(member);
            verdicts_[member.index] = why;
        } else {
            const int status = wait_for(member.child.pid);
            listen_to_errors(member);
            verdicts_[member.index] = verdict_on(member, status);
            if (crowd_.exited && WIFEXITED(status)) crowd_.exited(member.index, WEXITSTATUS(status));
        }
        if (crowd_.ended) crowd_.ended(member.index, verdicts_[member.index]);
        return false;
    }

    static void end(const Member& member) {
        kill(-member.child.pid, SIGKILL);
        wait_for(member.child.pid);
    }

    const Crowd& crowd_;
    std::list<Member> members_;
    std::vector<std::string> verdicts_;
    size_t next_ = 0;
};

} // namespace

std::vector<std::string> Crowd::run() {
    return Running(*this).run();
}

} // namespace bulkhead::ctl
