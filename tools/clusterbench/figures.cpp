// SPDX-License-Identifier: Apache-2.0
#include "figures.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "place.h"

namespace bulkhead::bench {

namespace {

using nlohmann::json;

std::string g_data = "/dev/shm";

bool has_miss(const json& figures) {
    if (figures.is_object() && figures.contains("met") && !figures["met"].get<bool>()) return true;
    return figures.is_structured() && std::any_of(figures.begin(), figures.end(), has_miss);
}

std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t size = 0; (size = read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<size_t>(size));
    return text;
}

/// In the child: its outcome as JSON, "error" if there is none.
[[noreturn]] void run(const Measure& measure, int output) {
    json outcome;
    {
        auto figures = isolate(g_data).and_then([&] { return measure(); });
        outcome = figures ? std::move(*figures) : json{{"error", figures.error().text}};
    }
    const auto text = outcome.dump();
    const bool written = write(output, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    std::exit(written ? 0 : 1); // NOLINT(concurrency-mt-unsafe): children of the measurement are gone
}

Result<json> run_apart(const Measure& measure) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail("make a pipe", errno);
    const Fd in(ends[0]);
    Fd out(ends[1]);
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid < 0) return fail("fork", errno);
    if (pid == 0) run(measure, out.get());
    out = Fd();
    const auto text = read_all(in.get());
    waitpid(pid, nullptr, 0);
    auto outcome = json::parse(text, nullptr, false);
    if (outcome.is_discarded()) return fail("measure: the process ended without a word");
    if (outcome.contains("error")) return fail(outcome["error"].get<std::string>());
    return outcome;
}

} // namespace

double Samples::quantile(double part) const {
    if (values_.empty()) return 0;
    auto sorted = values_;
    std::ranges::sort(sorted);
    return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))];
}

json Samples::json() const {
    return {{"p50", rounded(quantile(0.5))}, {"p99", rounded(quantile(0.99))}, {"max", rounded(quantile(1))}};
}

double load_average() {
    double load[1] = {0};
    return getloadavg(load, 1) == 1 ? load[0] : 0;
}

void keep_data_in(const std::string& directory) {
    g_data = directory;
}

Result<bool> in_turn(const std::vector<Measure>& measurements, const Print& print, const std::string& file) {
    json all = json::array();
    for (const auto& measure : measurements) {
        const double load = load_average();
        auto figures = run_apart(measure);
        if (!figures) return tl::unexpected(figures.error());
        (*figures)["load_before"] = rounded(load);
        print(*figures);
        all.push_back(std::move(*figures));
    }
    if (file.empty()) return !has_miss(all);
    std::ofstream out(file);
    out << all.dump(2) << '\n';
    if (!out.flush()) return fail("write " + file, errno);
    return !has_miss(all);
}

} // namespace bulkhead::bench
