// SPDX-License-Identifier: Apache-2.0
#include "talk.h"

#include "support/sockets.h"
#include "tcp_talk.h"
#include "udp_talk.h"

namespace bulkhead::soak {

void Talk::arrived(uint64_t number) {
    if (const auto sent = open_.find(number); sent != open_.end()) sent->second.arrived = true;
}

Result<> Talk::connect(int type) {
    const int family = plan_.family == BH_IPV4 ? AF_INET : AF_INET6;
    fd_ = Fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_.valid()) return fail("open a socket for " + text(), errno);
    const auto to = test::SocketAddress::of(plan_.server->address(plan_.family), kPortNumbers.at(plan_.port));
    if (::connect(fd_.get(), to.raw(), to.size) != 0 && errno != EINPROGRESS) return fail("connect " + text(), errno);
    return {};
}

Stamp Talk::next_stamp(Time now) {
    return {.size = plan_.size,
            .conversation = plan_.id,
            .from = plan_.client->incarnation,
            .to = plan_.server->incarnation,
            .from_ns = static_cast<uint32_t>(plan_.client->ns),
            .from_node = static_cast<uint32_t>(plan_.client->node),
            .number = ++number_,
            .sent = now.time_since_epoch().count(),
            .delay = plan_.delay.count()};
}

std::string Talk::text() const {
    return std::string(plan_.tcp ? "TCP" : "UDP") + " conversation " + std::to_string(plan_.id) + " of " +
           plan_.client->text() + " with " + plan_.server->text() + " port " +
           std::to_string(kPortNumbers.at(plan_.port)) + (plan_.family == BH_IPV4 ? " (IPv4)" : " (IPv6)") +
           ", begun " + ledger_.moment(begun_);
}

std::unique_ptr<Talk> make_talk(TalkPlan plan, const Rules& rules, Ledger& ledger) {
    if (plan.tcp) return std::make_unique<TcpTalk>(std::move(plan), rules, ledger);
    return std::make_unique<UdpTalk>(std::move(plan), rules, ledger);
}

} // namespace bulkhead::soak
