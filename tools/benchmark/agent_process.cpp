// SPDX-License-Identifier: Apache-2.0
#include "agent_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/fd.h"

namespace bulkhead::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint16_t kMetricsPort = 9810;

/// The first bytes of the answer to GET /readyz; empty if nobody answers.
std::string ask_readiness() {
    const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in agent{
        .sin_family = AF_INET, .sin_port = htons(kMetricsPort), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&agent), sizeof(agent)) != 0) return {};
    constexpr std::string_view kRequest = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (send(fd.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) return {};
    std::array<char, 64> answer{};
    const ssize_t size = recv(fd.get(), answer.data(), answer.size(), 0);
    return size > 0 ? std::string(answer.data(), static_cast<size_t>(size)) : std::string();
}

[[noreturn]] void become(const AgentProcess::Settings& settings) {
    const std::string log = settings.work / "agent.log";
    const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) dup2(fd, STDERR_FILENO);
    const std::string source = "dir:" + settings.source.string();
    const std::string socket = settings.work / "agent.sock";
    const std::string metrics = "127.0.0.1:" + std::to_string(kMetricsPort);
    std::vector<std::string> words{
        settings.binary, "--source",       source,          "--node-name", "bench-node",
        "--pin-dir",     settings.pin_dir, "--socket",      socket,        "--metrics-address",
        metrics,         "--attach",       settings.attach, "--log-level", "warn"};
    words.insert(words.end(), settings.more.begin(), settings.more.end());
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(settings.binary.c_str(), arguments.data());
    _exit(127);
}

} // namespace

Result<> isolate(const std::filesystem::path& bpffs) {
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return fail("make namespaces", errno);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return fail("make mounts private", errno);
    if (mount("bpf", bpffs.c_str(), "bpf", 0, nullptr) != 0) return fail("mount a bpffs", errno);
    if (std::system("ip link set lo up") != 0) return fail("bring lo up"); // NOLINT(cert-env33-c)
    return {};
}

Result<AgentProcess> AgentProcess::start(const Settings& settings) {
    const pid_t pid = fork();
    if (pid < 0) return fail("fork", errno);
    if (pid == 0) become(settings);
    return AgentProcess(pid);
}

AgentProcess::AgentProcess(AgentProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

AgentProcess::~AgentProcess() {
    if (pid_ < 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
}

Result<> AgentProcess::wait_until_ready(std::chrono::seconds patience) const {
    for (const auto deadline = Clock::now() + patience; Clock::now() < deadline;) {
        if (ask_readiness().starts_with("HTTP/1.1 200")) return {};
        if (kill(pid_, 0) != 0 || waitpid(pid_, nullptr, WNOHANG) != 0) return fail("start the agent: it ended");
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return fail("start the agent: it doesn't get ready");
}

Result<uint64_t> AgentProcess::resident_bytes() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
    return fail("read the agent's memory");
}

/// https://docs.kernel.org/scheduler/sched-stats.html: the first number is nanoseconds on a CPU.
Result<std::chrono::nanoseconds> AgentProcess::cpu_time() const {
    std::chrono::nanoseconds sum{};
    std::error_code error;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", error)) {
        std::ifstream file(thread.path() / "schedstat");
        int64_t nanoseconds = 0;
        if (!(file >> nanoseconds)) return fail("read " + (thread.path() / "schedstat").string());
        sum += std::chrono::nanoseconds(nanoseconds);
    }
    if (error) return fail("list the agent's threads", error.value());
    return sum;
}

} // namespace bulkhead::bench
