// SPDX-License-Identifier: Apache-2.0
#include "source/kube/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <csignal>
#include <map>

namespace bulkhead::source::kube {

namespace {

struct Pipe {
    Fd read_end;
    Fd write_end;
};

Result<Pipe> new_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail("make a pipe", errno);
    Pipe pipe{.read_end = Fd(ends[0]), .write_end = Fd(ends[1])};
    // Only ours: a program doesn't expect its stdout to refuse.
    if (fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK) != 0) return fail("make a pipe", errno);
    return pipe;
}

/// Ours, then the command's, then `more`: a name's last value counts, as in client-go.
std::vector<std::string> environment_of(const ExecCommand& command,
                                        const std::vector<std::pair<std::string, std::string>>& more) {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const auto equals = text.find('=');
        if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
    }
    for (const auto* added : {&command.environment, &more})
        for (const auto& [name, value] : *added)
            variables[name] = value;
    std::vector<std::string> lines;
    lines.reserve(variables.size());
    for (const auto& [name, value] : variables)
        lines.emplace_back(name).append("=").append(value);
    return lines;
}

/// What exec takes; points into `words`.
std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (auto& word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// What happens in the child before its program begins.
class Preparation {
public:
    Preparation() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
    }
    Preparation(const Preparation&) = delete;
    Preparation& operator=(const Preparation&) = delete;
    ~Preparation() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    /// 0, or an errno.
    int connect(int output, int errors) {
        int error = posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (error == 0) error = posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
        if (error == 0) error = posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
        if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
        return error;
    }

    /// Signals as a program expects them: none blocked, none ignored. And a group of its own.
    int detach() {
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        int error = posix_spawnattr_setsigmask(&attributes_, &none);
        if (error == 0) error = posix_spawnattr_setsigdefault(&attributes_, &all);
        if (error == 0) error = posix_spawnattr_setpgroup(&attributes_, 0);
        const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
        if (error == 0) error = posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
        return error;
    }

    int run(pid_t& pid, char* const* arguments, char* const* environment) const {
        return posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments, environment);
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

} // namespace

Result<Spawned> spawn(const ExecCommand& command, const std::vector<std::pair<std::string, std::string>>& more) {
    auto output = new_pipe(), errors = new_pipe();
    if (!output) return tl::unexpected(output.error());
    if (!errors) return tl::unexpected(errors.error());
    std::vector<std::string> words{command.command};
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    auto variables = environment_of(command, more);
    Preparation preparation;
    int error = preparation.connect(output->write_end.get(), errors->write_end.get());
    if (error == 0) error = preparation.detach();
    Spawned child{.pid = -1, .output = std::move(output->read_end), .errors = std::move(errors->read_end)};
    if (error == 0) error = preparation.run(child.pid, pointers_to(words).data(), pointers_to(variables).data());
    if (error != 0) return fail("run exec plugin " + command.command, error);
    return child;
}

} // namespace bulkhead::source::kube
