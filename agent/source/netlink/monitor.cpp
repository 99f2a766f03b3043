// SPDX-License-Identifier: Apache-2.0
#include "source/netlink/monitor.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <functional>

namespace bulkhead::netlink {

namespace {

constexpr size_t kBufferSize = 64 * 1024; // the kernel fills dumps up to 32 KiB a message
constexpr int kReceiveBuffer = 4 * 1024 * 1024;
constexpr int kDumpAttempts = 10;

constexpr std::array kGroups{RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                             RTNLGRP_IPV6_ROUTE};

using OnNews = std::function<void(News)>;

int on_message(const nlmsghdr* message, void* data) {
    if (auto news = decode(message)) (*static_cast<OnNews*>(data))(std::move(*news));
    return MNL_CB_OK;
}

Result<Socket> open_socket(int flags) {
    Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags));
    if (!socket) return fail("open rtnetlink", errno);
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0) return fail("bind rtnetlink", errno);
    return socket;
}

Result<Socket> subscribe() {
    auto socket = open_socket(SOCK_NONBLOCK);
    if (!socket) return socket;
    // A burst of pods makes thousands of messages; more than the default limit needs CAP_NET_ADMIN.
    const int fd = mnl_socket_get_fd(socket->get());
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    for (int group : kGroups)
        if (mnl_socket_setsockopt(socket->get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
            return fail("subscribe to rtnetlink group " + std::to_string(group), errno);
    return socket;
}

enum class Dumped { kComplete, kInterrupted };

/// Asks for all objects of a kind. The kernel says EINTR when they changed meanwhile.
Result<Dumped> dump(mnl_socket* socket, uint16_t type, uint8_t family, OnNews on_news) {
    std::array<char, MNL_NLMSG_HDRLEN + 64> request{};
    auto* header = mnl_nlmsg_put_header(request.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = 1;
    // The first byte of ifinfomsg, ifaddrmsg and rtmsg alike is the family.
    const size_t body = type == RTM_GETLINK   ? sizeof(ifinfomsg)
                        : type == RTM_GETADDR ? sizeof(ifaddrmsg)
                                              : sizeof(rtmsg);
    *static_cast<uint8_t*>(mnl_nlmsg_put_extra_header(header, body)) = family;
    if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0) return fail("send rtnetlink request", errno);

    static thread_local std::array<char, kBufferSize> buffer;
    bool interrupted = false;
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
        const auto size = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
        if (size < 0) return fail("read rtnetlink dump", errno);
        more = mnl_cb_run(buffer.data(), static_cast<size_t>(size), 0, 0, on_message, &on_news);
        if (more < 0 && errno == EINTR) {
            interrupted = true;
            more = MNL_CB_OK;
            if (reinterpret_cast<const nlmsghdr*>(buffer.data())->nlmsg_type == NLMSG_DONE) break;
        }
        if (more < 0) return fail("read rtnetlink dump", errno);
    }
    return interrupted ? Dumped::kInterrupted : Dumped::kComplete;
}

Result<Dumped> read_everything(Network& network) {
    // A socket for each dump: what an interrupted one left unread can't be taken for the next one's.
    static constexpr std::array<std::pair<uint16_t, uint8_t>, 5> kDumps{{{RTM_GETLINK, AF_UNSPEC},
                                                                         {RTM_GETADDR, AF_INET},
                                                                         {RTM_GETADDR, AF_INET6},
                                                                         {RTM_GETROUTE, AF_INET},
                                                                         {RTM_GETROUTE, AF_INET6}}};
    for (const auto& [type, family] : kDumps) {
        auto socket = open_socket(0);
        if (!socket) return tl::unexpected(socket.error());
        auto dumped = dump(socket->get(), type, family, [&](const News& news) { network.apply(news); });
        // A kernel without IPv6 has nothing to tell of it.
        if (!dumped && family == AF_INET6 && dumped.error().code == EOPNOTSUPP) continue;
        if (!dumped || *dumped == Dumped::kInterrupted) return dumped;
    }
    return Dumped::kComplete;
}

} // namespace

void CloseSocket::operator()(mnl_socket* socket) const {
    mnl_socket_close(socket);
}

Result<Monitor> Monitor::create() {
    auto socket = subscribe();
    if (!socket) return tl::unexpected(socket.error());
    Monitor monitor(std::move(*socket));
    if (auto read = monitor.reread(); !read) return tl::unexpected(read.error());
    monitor.rereads_ = 0;
    return monitor;
}

int Monitor::fd() const {
    return mnl_socket_get_fd(news_.get());
}

Result<> Monitor::update() {
    static thread_local std::array<char, kBufferSize> buffer;
    OnNews on_news = [this](const News& news) { network_.apply(news); };
    for (;;) {
        const auto size = mnl_socket_recvfrom(news_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (size < 0 && errno != ENOBUFS && errno != ENOSPC) return fail("read rtnetlink news", errno);
        if (size < 0) { // some are lost (ENOBUFS), or one is too long for us (ENOSPC)
            ++overruns_;
            incomplete_ = true;
            continue;
        }
        mnl_cb_run(buffer.data(), static_cast<size_t>(size), 0, 0, on_message, &on_news);
    }
    return incomplete_ || network_.doubtful() ? reread() : Result<>{};
}

Result<> Monitor::reread() {
    ++rereads_;
    for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
        Network fresh;
        const auto dumped = read_everything(fresh);
        if (!dumped) return within("read the network's state", dumped.error());
        if (*dumped == Dumped::kInterrupted) continue;
        network_.replace_with(std::move(fresh));
        incomplete_ = false;
        return {};
    }
    incomplete_ = true;
    return fail("read the network's state: it changes faster than it can be read");
}

} // namespace bulkhead::netlink
