// SPDX-License-Identifier: Apache-2.0
#include "observe/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace bulkhead::observe {

namespace {

namespace fs = std::filesystem;

// proc(5), /proc/PID/stat, counted from the state on, which follows the name in parentheses.
enum StatField : size_t { kUserTime = 11, kSystemTime = 12, kStart = 19, kVirtualBytes = 20, kResidentPages = 21 };

std::vector<std::string> stat_fields() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream rest(line.substr(name_end + 1));
    std::vector<std::string> fields;
    for (std::string field; rest >> field;)
        fields.push_back(std::move(field));
    return fields;
}

/// Seconds since the epoch; 0 where nobody says.
double boot_time() {
    std::ifstream file("/proc/stat");
    for (std::string word; file >> word;)
        if (word == "btime") {
            double seconds = 0;
            file >> seconds;
            return seconds;
        }
    return 0;
}

uint64_t open_fds() {
    std::error_code error;
    uint64_t count = 0;
    for (fs::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error))
        ++count;
    return count > 0 ? count - 1 : 0; // without the one that looks
}

} // namespace

std::optional<ProcessFigures> look_at_process() {
    const auto fields = stat_fields();
    if (fields.size() <= kResidentPages) return std::nullopt;
    const auto number = [&](StatField field) { return std::stoull(fields[field]); };
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    ProcessFigures figures;
    figures.cpu_seconds = static_cast<double>(number(kUserTime) + number(kSystemTime)) / ticks;
    figures.start_seconds = boot_time() + static_cast<double>(number(kStart)) / ticks;
    figures.virtual_bytes = number(kVirtualBytes);
    figures.resident_bytes = number(kResidentPages) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    figures.open_fds = open_fds();
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = limit.rlim_cur;
    return figures;
}

} // namespace bulkhead::observe
