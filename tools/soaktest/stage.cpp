// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

#include <unistd.h>

#include "pod.h"
#include "support/process.h"

namespace bulkhead::soak {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kRun = "/run";
constexpr const char* kDirectory = "bulkhead-soak-"; // and the process' number

std::string net_of(const std::string& number) {
    return "sk" + number;
}

Result<std::string> podnet(const std::string& net, std::vector<std::string> words) {
    words.insert(words.begin(), {SOAK_PODNET, "--net", net});
    return test::run_command(words, 60s);
}

/// Ends what runs in its namespaces, then removes pins and files.
void clear_away(const std::string& number) {
    (void)podnet(net_of(number), {"down"});
    std::error_code ignored;
    const fs::path directory = fs::path(kRun) / (kDirectory + number);
    for (const auto& entry : fs::directory_iterator(directory, ignored))
        if (entry.path().extension() == ".pins")
            (void)test::run_command({SOAK_AGENT, "detach", "--pin-dir", entry.path()});
    fs::remove_all(directory, ignored);
}

void clear_after_the_dead() {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(kRun, ignored)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(kDirectory)) continue;
        const std::string number = name.substr(std::strlen(kDirectory));
        if (!fs::exists(fs::path("/proc") / number)) clear_away(number);
    }
}

} // namespace

Result<Stage> Stage::create() {
    if (geteuid() != 0) return fail("needs root: it makes network namespaces and loads BPF programs");
    clear_after_the_dead();
    Stage stage(std::to_string(getpid()));
    fs::create_directories(stage.directory_);
    for (size_t node = 0; node < kNodes; ++node) {
        const std::string last = std::to_string(11 + node);
        auto made =
            podnet(stage.net_, {"up", "--ip4", "10.0.0." + last, "--ip6", "fd00:10::" + last, kNodeNames.at(node)});
        if (!made) return tl::unexpected(made.error());
    }
    return stage;
}

Stage::Stage(const std::string& number) : net_(net_of(number)), directory_(fs::path(kRun) / (kDirectory + number)) {}

Stage::Stage(Stage&& other) noexcept : net_(std::exchange(other.net_, {})), directory_(std::move(other.directory_)) {}

Stage::~Stage() {
    if (!net_.empty()) clear_away(net_.substr(2));
}

} // namespace bulkhead::soak
