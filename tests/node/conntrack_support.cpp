// SPDX-License-Identifier: Apache-2.0
#include "conntrack_support.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstring>

namespace bulkhead::test {

void forget_connections(const Place& node) {
    const int error = node.netns.run([&] {
        struct {
            nlmsghdr head;
            nfgenmsg family;
        } request{};
        request.head = {.nlmsg_len = sizeof request,
                        .nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
        const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
        struct {
            nlmsghdr head;
            nlmsgerr error;
        } answer{};
        if (send(fd.get(), &request, sizeof request, 0) < 0 || recv(fd.get(), &answer, sizeof answer, 0) < 0)
            return errno;
        return -answer.error.error;
    });
    if (error != 0) FAIL("forget connections: " << strerror(error));
}

} // namespace bulkhead::test
