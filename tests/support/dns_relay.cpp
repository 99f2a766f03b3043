// SPDX-License-Identifier: Apache-2.0
#include "support/dns_relay.h"

#include <sys/socket.h>

namespace bulkhead::test {

Result<std::unique_ptr<DnsRelay>> DnsRelay::start(const std::string& server) {
    const auto colon = server.rfind(':');
    const auto address = Address::parse(server.substr(0, colon));
    if (!address) return tl::unexpected(address.error());
    const auto port = static_cast<uint16_t>(std::stoul(server.substr(colon + 1)));
    std::unique_ptr<DnsRelay> relay(new DnsRelay({*address, port}));
    auto responder =
        DnsResponder::start(BH_IPV4, [raw = relay.get()](const DnsBytes& question) { return raw->reply(question); });
    if (!responder) return tl::unexpected(responder.error());
    relay->responder_ = std::move(*responder);
    return relay;
}

void DnsRelay::answer(Replies replies) {
    const std::scoped_lock lock(mutex_);
    replies_ = std::move(replies);
}

size_t DnsRelay::questions(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = questions_.find(name);
    return found == questions_.end() ? 0 : found->second;
}

std::vector<DnsBytes> DnsRelay::reply(const DnsBytes& question) {
    const auto name = dns_name(question);
    {
        const std::scoped_lock lock(mutex_);
        ++questions_[name];
        if (const auto found = replies_.find(name); found != replies_.end()) return found->second(question);
    }
    return ask_server(question);
}

std::vector<DnsBytes> DnsRelay::ask_server(const DnsBytes& question) const {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto to = SocketAddress::of(server_.address, server_.port);
    if (!socket.valid() || connect(socket.get(), to.raw(), to.size) != 0) return {};
    if (send(socket.get(), question.data(), question.size(), 0) < 0) return {};
    auto reply = receive_datagram(socket, after(1s));
    if (!reply) return {};
    return {std::move(*reply)};
}

} // namespace bulkhead::test
