// SPDX-License-Identifier: Apache-2.0
#include "netns.h"

#include <fcntl.h>
#include <sched.h>

#include <thread>

namespace bulkhead::bench {

Result<Fd> netns_of_thread() {
    Fd netns(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!netns.valid()) return fail("open a network namespace", errno);
    return netns;
}

Result<> enter(const Fd& netns) {
    if (setns(netns.get(), CLONE_NEWNET) != 0) return fail("enter a network namespace", errno);
    return {};
}

Result<Fd> new_netns() {
    Result<Fd> made = fail("make a network namespace");
    std::thread([&] {
        if (unshare(CLONE_NEWNET) == 0)
            made = netns_of_thread();
        else
            made = fail("make a network namespace", errno);
    }).join();
    return made;
}

} // namespace bulkhead::bench
