// SPDX-License-Identifier: Apache-2.0
//
// What the agent costs: from start to everything in the kernel, resident memory, and from one changed file to
// its row in the kernel. A real agent on a directory of made-up manifests, in a network namespace of its own;
// what it did is read from its pinned maps.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sched.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/fd.h"
#include "bulkhead/abi.h"

namespace {

using namespace bulkhead;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr unsigned kNamespaces = 1000, kTenants = 200, kWorkloads = 50, kFiles = 10;

struct Options {
    std::string agent;
    std::vector<unsigned> pods{10000, 100000};
    unsigned changes = 500;
    std::string json;
};

double milliseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

std::string address_of(unsigned pod) {
    return fmt::format("10.{}.{}.{}", 1 + (pod >> 16), (pod >> 8) & 0xff, pod & 0xff);
}

Json pod(const std::string& ns, const std::string& name, unsigned number, const std::string& ip) {
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata",
             {{"name", name},
              {"namespace", ns},
              {"labels", {{"app", fmt::format("web-{}", number % kWorkloads)}, {"tier", "backend"}}}}},
            {"spec",
             {{"nodeName", fmt::format("node-{}", number % 1000)},
              {"serviceAccountName", "default"},
              {"containers",
               {{{"name", "web"}, {"ports", {{{"name", "http"}, {"containerPort", 8080}, {"protocol", "TCP"}}}}}}}}},
            {"status", {{"phase", "Running"}, {"podIP", ip}, {"podIPs", {{{"ip", ip}}}}}}};
}

Json list(Json items) {
    return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

void write(const fs::path& path, const Json& content) {
    const fs::path fresh = path.string() + ".new"; // no source until it has its name
    std::ofstream(fresh) << content.dump();
    fs::rename(fresh, path);
}

void write_cluster(const fs::path& directory, unsigned pods) {
    Json namespaces = Json::array();
    for (unsigned i = 0; i < kNamespaces; ++i) {
        Json labels = {{"bulkhead.dev/tenant", fmt::format("tenant-{}", i % kTenants)}};
        if (i % 10 == 0) labels["bulkhead.dev/level"] = "protected";
        namespaces.push_back({{"apiVersion", "v1"},
                              {"kind", "Namespace"},
                              {"metadata", {{"name", fmt::format("ns-{}", i)}, {"labels", labels}}}});
    }
    write(directory / "namespaces.json", list(std::move(namespaces)));
    for (unsigned file = 0; file < kFiles; ++file) {
        Json items = Json::array();
        for (unsigned i = file; i < pods; i += kFiles)
            items.push_back(
                pod(fmt::format("ns-{}", i % kNamespaces), fmt::format("web-{:06}-x7k2p", i), i, address_of(i)));
        write(directory / fmt::format("pods-{}.json", file), list(std::move(items)));
    }
}

class Agent {
public:
    Agent(const std::string& program, const fs::path& home, const std::string& pin_dir)
        : program_(program), pin_dir_(pin_dir) {
        pid_ =
            run({"--source", "dir:" + (home / "manifests").string(), "--node-name", "elsewhere", "--pin-dir", pin_dir,
                 "--socket", (home / "agent.sock").string(), "--metrics-address", "", "--log-level", "warn"});
    }
    Agent(const Agent&) = delete;
    ~Agent() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
        waitpid(run({"detach", "--pin-dir", pin_dir_, "--log-level", "warn"}), nullptr, 0);
    }

    Fd map(const std::string& name) const { return Fd(bpf_obj_get((pin_dir_ + "/maps/" + name).c_str())); }

    /// kB, of /proc/PID/status
    unsigned long memory(const std::string& field) const {
        std::ifstream status(fmt::format("/proc/{}/status", pid_));
        for (std::string line; std::getline(status, line);)
            if (line.starts_with(field + ":")) return std::stoul(line.substr(field.size() + 1));
        return 0;
    }

private:
    pid_t run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), program_);
        std::vector<char*> argv;
        for (std::string& argument : arguments)
            argv.push_back(argument.data());
        argv.push_back(nullptr);
        const pid_t child = fork();
        if (child == 0) {
            execv(argv[0], argv.data());
            _exit(127);
        }
        return child;
    }

    std::string program_, pin_dir_;
    pid_t pid_ = 0;
};

/// Arming is the last that a first write does.
bool armed(const Agent& agent) {
    const Fd control = agent.map("control");
    const uint32_t zero = 0;
    static bh_control row;
    return control.valid() && bpf_map_lookup_elem(control.get(), &zero, &row) == 0 && row.armed;
}

bool wait_until(const std::function<bool()>& condition, Clock::duration limit, Clock::duration pause) {
    for (const auto end = Clock::now() + limit; Clock::now() < end; std::this_thread::sleep_for(pause))
        if (condition()) return true;
    return condition();
}

/// One pod in a file of its own gets another address, `changes` times. Milliseconds each, sorted.
std::vector<double> change_one(const Agent& agent, const fs::path& directory, unsigned changes) {
    const Fd endpoints = agent.map("endpoints4");
    std::vector<double> delays;
    for (unsigned i = 0; i < changes; ++i) {
        const std::string ip = fmt::format("10.250.{}.{}", i / 250, 1 + i % 250);
        const uint32_t key = inet_addr(ip.c_str());
        bh_endpoint row;
        const Json changed = pod("ns-0", "moving", 1, ip);
        const auto before = Clock::now();
        write(directory / "moving.json", changed);
        if (!wait_until([&] { return bpf_map_lookup_elem(endpoints.get(), &key, &row) == 0; }, 5s, 20us)) break;
        delays.push_back(milliseconds(Clock::now() - before));
    }
    std::ranges::sort(delays);
    return delays;
}

std::optional<Json> measure(const Options& options, unsigned pods) {
    const fs::path home = fs::temp_directory_path() / fmt::format("bulkhead-bench-{}", getpid());
    fs::create_directories(home / "manifests");
    write_cluster(home / "manifests", pods);
    const auto start = Clock::now();
    std::optional<Json> result;
    {
        const Agent agent(options.agent, home, fmt::format("/sys/fs/bpf/bulkhead-bench-{}", getpid()));
        if (wait_until([&] { return armed(agent); }, 60s, 5ms)) {
            const double sync = milliseconds(Clock::now() - start);
            const auto delays = change_one(agent, home / "manifests", options.changes);
            if (delays.size() == options.changes)
                result = {{"pods", pods},
                          {"first_sync_ms", sync},
                          {"resident_kb", agent.memory("VmRSS")},
                          {"peak_kb", agent.memory("VmHWM")},
                          {"one_change_p50_ms", delays[delays.size() / 2]},
                          {"one_change_p99_ms", delays[delays.size() * 99 / 100]},
                          {"one_change_max_ms", delays.back()}};
        }
    }
    fs::remove_all(home);
    return result;
}

int run(const Options& options) {
    if (unshare(CLONE_NEWNET) != 0) {
        fmt::print(stderr, "make a network namespace: {}\n", std::strerror(errno));
        return 2;
    }
    Json results = Json::array();
    fmt::print("{:>8}  {:>13}  {:>11}  {:>8}  {:>27}\n", "pods", "first sync ms", "resident MB", "peak MB",
               "one change ms p50 p99 max");
    for (const unsigned pods : options.pods) {
        const auto result = measure(options, pods);
        if (!result) {
            fmt::print(stderr, "{} pods: the agent did not get them into the kernel in time\n", pods);
            return 2;
        }
        const auto& row = *result;
        fmt::print("{:>8}  {:>13.0f}  {:>11}  {:>8}  {:>11.2f} {:>7.2f} {:>7.2f}\n", pods,
                   row["first_sync_ms"].get<double>(), row["resident_kb"].get<unsigned long>() / 1024,
                   row["peak_kb"].get<unsigned long>() / 1024, row["one_change_p50_ms"].get<double>(),
                   row["one_change_p99_ms"].get<double>(), row["one_change_max_ms"].get<double>());
        results.push_back(row);
    }
    if (!options.json.empty()) std::ofstream(options.json) << results.dump(2) << '\n';
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"What the agent costs: first sync, memory, and one changed pod"};
    Options options;
    app.add_option("--agent", options.agent, "the agent's program")->required()->type_name("FILE");
    app.add_option("--pods", options.pods, "instead of 10000 and 100000");
    app.add_option("--changes", options.changes, "of one pod");
    app.add_option("--json", options.json, "write the results there too")->type_name("FILE");
    CLI11_PARSE(app, argc, argv);
    return run(options);
}
