// SPDX-License-Identifier: Apache-2.0
#include "support/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>

namespace bulkhead::test {

Result<> tell_kernel(const Netns& netns, int protocol, const void* request, size_t size) {
    const int error = netns.run([&] {
        const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
        struct {
            nlmsghdr head;
            nlmsgerr error;
        } answer{};
        if (send(fd.get(), request, size, 0) < 0 || recv(fd.get(), &answer, sizeof answer, 0) < 0) return errno;
        return -answer.error.error;
    });
    if (error != 0) return fail("a netlink request in " + netns.name(), error);
    return {};
}

} // namespace bulkhead::test
