// SPDX-License-Identifier: Apache-2.0
#include "conntrack_support.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "support/netlink.h"

namespace bulkhead::test {

void forget_connections(const Place& node) {
    struct {
        nlmsghdr head;
        nfgenmsg family;
    } request{};
    request.head = {.nlmsg_len = sizeof request,
                    .nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
    require(tell_kernel(node.netns, NETLINK_NETFILTER, &request, sizeof request));
}

} // namespace bulkhead::test
