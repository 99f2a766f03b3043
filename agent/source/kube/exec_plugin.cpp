// SPDX-License-Identifier: Apache-2.0
#include "source/kube/exec_plugin.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <array>
#include <csignal>

#include "source/kube/spawn.h"

namespace bulkhead::source::kube {

namespace {

constexpr size_t kPipeCapacity = 64 << 10; // what a dead process can have left in one (pipe(7))
constexpr int kPatience = 100;             // ms that a killed process may take to be gone

void set_aside(int epoll, Fd& fd) {
    if (fd.valid()) epoll_ctl(epoll, EPOLL_CTL_DEL, fd.get(), nullptr);
    fd = Fd();
}

Result<> listen_to(int epoll, int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return fail("listen to an exec plugin", errno);
    return {};
}

Result<Fd> timer_in(std::chrono::milliseconds delay) {
    Fd fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!fd.valid()) return fail("create timer", errno);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
    itimerspec spec{};
    spec.it_value = {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(delay - seconds).count()};
    if (timerfd_settime(fd.get(), 0, &spec, nullptr) != 0) return fail("arm timer", errno);
    return fd;
}

/// "exit status 1", "killed by signal 9".
std::string end_of(int status) {
    if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
    return "failed with exit status " + std::to_string(WEXITSTATUS(status));
}

/// Somebody else's text as part of a line of ours.
std::string one_line(const std::string& text) {
    std::string line;
    for (const char character : text) {
        const bool is_blank = static_cast<unsigned char>(character) <= 0x20 || character == 0x7f;
        if (!is_blank)
            line.push_back(character);
        else if (!line.empty() && line.back() != ' ')
            line.push_back(' ');
    }
    if (line.ends_with(' ')) line.pop_back();
    return line;
}

} // namespace

void Capture::drain(int epoll) {
    std::array<char, 4096> buffer{};
    for (size_t taken = 0; fd_.valid() && taken < kPipeCapacity + buffer.size();) {
        const auto got = ::read(fd_.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return set_aside(epoll, fd_); // a closed pipe is readable for ever
        text_.append(buffer.data(), static_cast<size_t>(got));
        taken += static_cast<size_t>(got);
    }
}

void Capture::keep_last(size_t bytes) {
    if (text_.size() > bytes) text_.erase(0, text_.size() - bytes);
}

Result<std::unique_ptr<ExecPlugin>> ExecPlugin::start(const Access& access, int epoll, const PluginLimits& limits) {
    const auto& command = *access.exec;
    auto deadline = timer_in(limits.deadline);
    if (!deadline) return tl::unexpected(deadline.error());
    auto child = spawn(command, {{"KUBERNETES_EXEC_INFO", exec_info(access)}});
    if (!child) {
        const auto hint = one_line(command.install_hint);
        return fail(child.error().text + (hint.empty() ? "" : ": " + hint));
    }
    Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, child->pid, 0)));
    const int why = errno;
    std::unique_ptr<ExecPlugin> plugin(new ExecPlugin(command, limits, epoll,
                                                      {.pid = child->pid,
                                                       .pidfd = std::move(pidfd),
                                                       .output = std::move(child->output),
                                                       .errors = std::move(child->errors),
                                                       .deadline = std::move(*deadline)}));
    if (!plugin->pidfd_.valid()) return fail("watch exec plugin " + command.command, why);
    if (auto listening = plugin->listen(); !listening) return tl::unexpected(listening.error());
    return plugin;
}

ExecPlugin::ExecPlugin(const ExecCommand& command, const PluginLimits& limits, int epoll, Parts parts)
    : name_(command.command), api_version_(command.api_version), limits_(limits), epoll_(epoll), pid_(parts.pid),
      pidfd_(std::move(parts.pidfd)), output_(std::move(parts.output)), errors_(std::move(parts.errors)),
      deadline_(std::move(parts.deadline)) {}

ExecPlugin::~ExecPlugin() {
    if (!status_) {
        // Not waited for yet, so the number is still its own, and its group's.
        kill(-pid_, SIGKILL);
        pollfd gone{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
        poll(&gone, 1, kPatience);
        waitpid(pid_, nullptr, WNOHANG); // one that hangs in the kernel is left behind
    }
    set_aside(epoll_, pidfd_);
    set_aside(epoll_, deadline_);
    if (output_.fd() >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, output_.fd(), nullptr);
    if (errors_.fd() >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, errors_.fd(), nullptr);
}

Result<> ExecPlugin::listen() {
    for (const int fd : {pidfd_.get(), output_.fd(), errors_.fd(), deadline_.get()})
        if (auto listening = listen_to(epoll_, fd); !listening) return listening;
    return {};
}

std::optional<Result<ExecCredential>> ExecPlugin::work() {
    const bool over = ended(); // asked first: what it printed before its end is in the pipes then
    output_.drain(epoll_);
    errors_.drain(epoll_);
    errors_.keep_last(limits_.errors);
    if (output_.text().size() > limits_.output)
        return failed("printed more than " + std::to_string(limits_.output >> 10) + " KiB");
    if (over) return outcome();
    if (overdue()) return failed("gave no answer within " + std::to_string(limits_.deadline.count()) + " ms");
    return std::nullopt;
}

bool ExecPlugin::ended() {
    if (status_) return true;
    int status = 0;
    const pid_t found = waitpid(pid_, &status, WNOHANG);
    if (found == pid_) status_ = status;
    if (found < 0 && errno == ECHILD) status_ = 0; // SIGCHLD is ignored here: nobody knows, its words decide
    return status_.has_value();
}

bool ExecPlugin::overdue() const {
    uint64_t times = 0;
    return ::read(deadline_.get(), &times, sizeof times) == sizeof times;
}

Result<ExecCredential> ExecPlugin::outcome() const {
    if (*status_ != 0) return failed(end_of(*status_));
    auto credential = read_exec_credential(output_.text(), api_version_);
    if (!credential) return failed(credential.error().text);
    return credential;
}

tl::unexpected<Error> ExecPlugin::failed(const std::string& how) const {
    const auto said = one_line(errors_.text());
    return fail("exec plugin " + name_ + " " + how + (said.empty() ? "" : ": " + said));
}

} // namespace bulkhead::source::kube
