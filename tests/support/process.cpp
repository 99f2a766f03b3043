// SPDX-License-Identifier: Apache-2.0
#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support/netns.h"

namespace bulkhead::test {

namespace {

/// What a child takes over; -1 = nothing.
struct Inheritance {
    int input = -1;
    int output = -1;
    int netns = -1;
    int failed = -1;  // closes with exec, or takes the errno that stood in its way
    pid_t parent = 0; // to end with; 0 = with nobody
};

/// A parent that ended before it was asked for is no parent any more.
bool end_with(pid_t parent) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

/// Between fork and exec: system calls only, since other threads may hold any lock.
[[noreturn]] void become(char* const* argv, const Inheritance& has) {
    signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const bool ready = (has.input < 0 || dup2(has.input, STDIN_FILENO) >= 0) && dup2(has.output, STDOUT_FILENO) >= 0 &&
                       dup2(has.output, STDERR_FILENO) >= 0 && (has.netns < 0 || setns(has.netns, CLONE_NEWNET) == 0) &&
                       (has.parent == 0 || end_with(has.parent));
    if (ready) execvp(argv[0], argv);
    const int why = errno;
    (void)!write(has.failed, &why, sizeof why);
    _exit(127);
}

/// A file, not a pipe: whoever reads or writes it waits for nobody.
Result<Fd> file_with(const std::string& text) {
    Fd file(memfd_create("input", MFD_CLOEXEC));
    if (!file.valid()) return fail("create a file for input", errno);
    for (size_t written = 0; written < text.size();) {
        const ssize_t more = write(file.get(), text.data() + written, text.size() - written);
        if (more <= 0) return fail("write input", errno);
        written += static_cast<size_t>(more);
    }
    if (lseek(file.get(), 0, SEEK_SET) != 0) return fail("rewind input", errno);
    return file;
}

/// Waits for the exec: before it, a signal would still meet the test runner's handlers. 0 = it succeeded.
int errno_of_start(const Fd& failed) {
    int why = 0;
    return read(failed.get(), &why, sizeof why) == sizeof why ? why : 0;
}

std::string joined(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words)
        line += (line.empty() ? "" : " ") + word;
    return line;
}

} // namespace

Result<Process> Process::start(const std::vector<std::string>& argv, const Netns* netns) {
    return start(argv, Options{.netns = netns});
}

Result<Process> Process::start(const std::vector<std::string>& argv, const Options& options) {
    // A file, not a pipe: a child that nobody listens to must not block.
    Fd output(memfd_create("output", MFD_CLOEXEC));
    if (!output.valid()) return fail("create a file for the output of " + argv.at(0), errno);
    if (fcntl(output.get(), F_SETFL, O_APPEND) != 0) return fail("append to the output of " + argv.at(0), errno);
    Fd input;
    if (options.input) {
        auto file = file_with(*options.input);
        if (!file) return within("start " + argv.at(0), file.error());
        input = std::move(*file);
    }
    std::vector<char*> words;
    for (const std::string& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail("start " + argv.at(0), errno);
    const Fd failed(ends[0]);
    Fd failing(ends[1]);
    const Inheritance has{.input = input.get(),
                          .output = output.get(),
                          .netns = options.netns ? options.netns->fd() : -1,
                          .failed = failing.get(),
                          .parent = options.ends_with_thread ? getpid() : 0};
    const pid_t pid = fork();
    if (pid < 0) return fail("start " + argv.at(0), errno);
    if (pid == 0) become(words.data(), has);
    failing = Fd();
    Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    Process process(pid, std::move(pidfd), std::move(output));
    if (const int why = errno_of_start(failed)) return fail("start " + argv.at(0), why);
    return process;
}

Process::~Process() {
    if (!pidfd_.valid() || status_) return;
    signal(SIGKILL);
    (void)wait(after(10s));
}

std::string Process::output() const {
    struct stat status {};
    if (fstat(output_.get(), &status) != 0) return "";
    std::string text(static_cast<size_t>(status.st_size), '\0');
    const ssize_t read = pread(output_.get(), text.data(), text.size(), 0);
    text.resize(read > 0 ? static_cast<size_t>(read) : 0);
    return text;
}

bool Process::wait_for_output(std::string_view text, Deadline deadline) const {
    return wait_until([&] { return output().find(text) != std::string::npos; }, deadline);
}

void Process::signal(int number) const {
    if (!status_) syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

std::optional<int> Process::wait(Deadline deadline) {
    if (status_) return status_;
    pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&ended, 1, milliseconds_until(deadline)) != 1) return std::nullopt;
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_) return std::nullopt;
    status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return status_;
}

std::optional<int> Process::stop(Deadline deadline) {
    signal(SIGTERM);
    return wait(deadline);
}

Result<std::string> run_command(const std::vector<std::string>& argv, Clock::duration limit) {
    auto process = Process::start(argv);
    if (!process) return tl::unexpected(process.error());
    const auto status = process->wait(after(limit));
    if (!status) return fail(joined(argv) + ": still runs after its time");
    if (*status != 0) return fail(joined(argv) + ": exit status " + std::to_string(*status) + ": " + process->output());
    return process->output();
}

} // namespace bulkhead::test
