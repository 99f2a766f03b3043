// SPDX-License-Identifier: Apache-2.0
#include "connections.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>
#include <memory>

#include "netns.h"

namespace bulkhead::bench {

namespace {

Result<Fd> new_namespace() {
    if (unshare(CLONE_NEWNET) != 0) return fail("make a network namespace", errno);
    return netns_of_thread();
}

/// Every address of the scene becomes one of this namespace's.
Result<> make_all_addresses_local() {
    for (const char* command :
         {"ip link set lo up", "ip route add local 10.0.0.0/8 dev lo", "ip -6 route add local fd00::/8 dev lo"})
        if (std::system(command) != 0) return fail(std::string("run ") + command); // NOLINT(cert-env33-c)
    return {};
}

int keep_nsid(const nlattr* attribute, void* into) {
    if (mnl_attr_get_type(attribute) == NETNSA_NSID)
        *static_cast<int32_t*>(into) = static_cast<int32_t>(mnl_attr_get_u32(attribute));
    return MNL_CB_OK;
}

int read_answer(const nlmsghdr* answer, void* nsid) {
    return mnl_attr_parse(answer, sizeof(rtgenmsg), keep_nsid, nsid);
}

Result<> request(mnl_socket* socket, nlmsghdr* message, int32_t* nsid) {
    char buffer[8192];
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0) return fail("ask rtnetlink", errno);
    const ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
    if (size < 0 || mnl_cb_run(buffer, static_cast<size_t>(size), 0, 0, read_answer, nsid) < 0)
        return fail("number a network namespace", errno);
    return {};
}

/// Gives `ns` a number in the namespace that we are in.
Result<int32_t> number(const Fd& ns) {
    const std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(mnl_socket_open(NETLINK_ROUTE), mnl_socket_close);
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return fail("open rtnetlink", errno);
    int32_t nsid = -1;
    for (const auto type : {RTM_NEWNSID, RTM_GETNSID}) {
        char buffer[256];
        nlmsghdr* message = mnl_nlmsg_put_header(buffer);
        message->nlmsg_type = static_cast<uint16_t>(type);
        message->nlmsg_flags = NLM_F_REQUEST;
        if (type == RTM_NEWNSID) message->nlmsg_flags |= NLM_F_ACK;
        mnl_nlmsg_put_extra_header(message, sizeof(rtgenmsg));
        mnl_attr_put_u32(message, NETNSA_FD, static_cast<uint32_t>(ns.get()));
        if (type == RTM_NEWNSID) mnl_attr_put_u32(message, NETNSA_NSID, static_cast<uint32_t>(-1));
        if (auto asked = request(socket.get(), message, &nsid); !asked) return tl::unexpected(asked.error());
    }
    return nsid;
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(uint8_t family, const bh_addr& address, uint16_t port) {
    SocketAddress result;
    if (family == BH_IPV4) {
        auto* to = reinterpret_cast<sockaddr_in*>(&result.storage);
        *to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {address.word[0]}, .sin_zero = {}};
        result.size = sizeof(*to);
        return result;
    }
    auto* to = reinterpret_cast<sockaddr_in6*>(&result.storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    std::copy_n(address.word, 4, to->sin6_addr.s6_addr32);
    result.size = sizeof(*to);
    return result;
}

Result<Fd> bound_socket(uint8_t family, const bh_addr& address, uint16_t port) {
    const int one = 1;
    Fd fd(socket(family == BH_IPV4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return fail("open a socket", errno);
    for (const int option : {IPV6_V6ONLY, IPV6_FREEBIND}) // IPv6 binds to local routes' addresses only if told to
        if (family == BH_IPV6 && setsockopt(fd.get(), IPPROTO_IPV6, option, &one, sizeof(one)) != 0)
            return fail("prepare a pod's socket", errno);
    const auto own = socket_address(family, address, port);
    if (bind(fd.get(), own.get(), own.size) != 0) return fail("bind a pod's socket", errno);
    return fd;
}

Result<> allow_many_sockets() {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) return fail("raise the number of open files", errno);
    return {};
}

} // namespace

Result<Connections> Connections::create() {
    Connections connections;
    if (auto allowed = allow_many_sockets(); !allowed) return tl::unexpected(allowed.error());
    auto own = new_namespace();
    if (!own) return tl::unexpected(own.error());
    auto pods = new_namespace();
    if (!pods) return tl::unexpected(pods.error());
    if (auto made = make_all_addresses_local(); !made) return tl::unexpected(made.error());
    if (auto back = enter(*own); !back) return tl::unexpected(back.error());
    auto nsid = number(*pods);
    if (!nsid) return tl::unexpected(nsid.error());
    connections.own_ = std::move(*own);
    connections.pods_ = std::move(*pods);
    connections.nsid_ = *nsid;
    return connections;
}

Result<> Connections::listen_on(uint16_t port) {
    if (auto entered = enter(pods_); !entered) return entered;
    for (const uint8_t family : {BH_IPV4, BH_IPV6}) {
        auto server = bound_socket(family, bh_addr{}, port);
        if (!server) return tl::unexpected(server.error());
        if (listen(server->get(), SOMAXCONN) != 0) return fail("listen", errno);
        sockets_.push_back(std::move(*server));
    }
    return enter(own_);
}

Result<> Connections::connect(const std::vector<Conversation>& conversations, uint8_t family) {
    if (auto entered = enter(pods_); !entered) return entered;
    for (const Conversation& each : conversations) {
        auto client = bound_socket(family, each.pod->address(family), each.pod_port);
        if (!client) return tl::unexpected(client.error());
        const auto peer = socket_address(family, each.peer->address(family), each.peer_port);
        if (::connect(client->get(), peer.get(), peer.size) != 0) return fail("connect a pod", errno);
        sockets_.push_back(std::move(*client));
    }
    return enter(own_);
}

} // namespace bulkhead::bench
