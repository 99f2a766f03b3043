// SPDX-License-Identifier: Apache-2.0
#include "support/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <atomic>
#include <system_error>

#include "support/process.h"

namespace bulkhead::test {

Result<Netns> Netns::open(const std::string& name) {
    Fd fd(::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return fail("open network namespace " + name, errno);
    return Netns(name, std::move(fd));
}

void Netns::enter() const {
    if (setns(fd_.get(), CLONE_NEWNET) != 0) {
        throw std::system_error(errno, std::generic_category(), "enter network namespace " + name_);
    }
}

Result<ScopedNetns> ScopedNetns::create(const std::string& hint) {
    static std::atomic<int> made{0};
    const std::string name = "bht-" + hint + "-" + std::to_string(getpid()) + "-" + std::to_string(++made);
    if (auto added = run_command({"ip", "netns", "add", name}); !added) return tl::unexpected(added.error());
    auto netns = Netns::open(name);
    if (!netns) return tl::unexpected(netns.error());
    ScopedNetns scoped(std::move(*netns));
    auto up = run_command({"ip", "-n", name, "link", "set", "lo", "up"});
    if (!up) return tl::unexpected(up.error());
    return scoped;
}

ScopedNetns::~ScopedNetns() {
    if (name_.empty()) return;
    netns_.reset();
    (void)run_command({"ip", "netns", "delete", name_});
}

} // namespace bulkhead::test
