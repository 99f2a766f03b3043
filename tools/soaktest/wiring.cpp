// SPDX-License-Identifier: Apache-2.0
#include "wiring.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 60s; // of one command

} // namespace

Result<Wiring> Wiring::start(const Stage& stage) {
    const std::string fifo = stage.directory() / "wiring";
    if (mkfifo(fifo.c_str(), 0600) != 0) return fail("make " + fifo, errno);
    auto process = test::Process::start({SOAK_PYTHON, "-B", SOAK_WIRING, stage.net(), fifo});
    if (!process) return tl::unexpected(process.error());
    // For reading too, so that nobody waits for a process that has ended.
    Fd commands(open(fifo.c_str(), O_RDWR | O_CLOEXEC));
    if (!commands.valid()) return fail("open " + fifo, errno);
    return Wiring(std::move(*process), std::move(commands));
}

Result<std::string> Wiring::add(const Pod& pod) {
    return tell("add " + std::string(kNodeNames.at(pod.node)) + " " + pod.name + " " + pod.ip4.text() + " " +
                pod.ip6.text());
}

Result<> Wiring::remove(const Pod& pod) {
    auto done = tell("del " + std::string(kNodeNames.at(pod.node)) + " " + pod.name);
    if (!done) return tl::unexpected(done.error());
    return {};
}

Result<std::string> Wiring::tell(const std::string& command) {
    const std::string number = std::to_string(++told_);
    const std::string line = number + " " + command + "\n";
    if (write(commands_.get(), line.data(), line.size()) < 0) return fail("podnet " + command, errno);
    const std::string answer = (told_ == 1 ? "" : "\n") + number + " ";
    std::string word;
    const auto answered = [&] {
        const std::string output = process_.output();
        const auto at = output.find(answer);
        if (at == std::string::npos) return false;
        const auto end = output.find('\n', at + answer.size());
        if (end == std::string::npos) return false;
        word = output.substr(at + answer.size(), end - at - answer.size());
        return true;
    };
    if (!test::wait_until(answered, test::after(kLimit)))
        return fail("podnet " + command + ": no answer: " + process_.output());
    if (!word.starts_with("ok")) return fail("podnet " + command + ": " + word);
    return word.substr(std::min(word.size(), std::strlen("ok ")));
}

} // namespace bulkhead::soak
