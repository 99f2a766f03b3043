// SPDX-License-Identifier: Apache-2.0
#include "support/dns_responder.h"

#include <sys/socket.h>

#include <algorithm>

namespace bulkhead::test {

namespace {

constexpr size_t kHeader = 12;

/// Behind the name (RFC 1035, 4.1.2), its type and its class.
size_t end_of_question(const DnsBytes& message) {
    size_t at = kHeader;
    while (at < message.size() && message[at] != 0)
        at += message[at] + 1u;
    return at + 5;
}

void add16(DnsBytes& message, uint16_t value) {
    message.push_back(static_cast<uint8_t>(value >> 8));
    message.push_back(static_cast<uint8_t>(value));
}

} // namespace

std::string dns_name(const DnsBytes& question) {
    std::string name;
    for (size_t at = kHeader; at < question.size() && question[at] != 0; at += question[at] + 1u) {
        const auto label = question.begin() + static_cast<ptrdiff_t>(at) + 1;
        name.append(name.empty() ? "" : ".")
            .append(label, label + std::min<ptrdiff_t>(question[at], question.end() - label));
    }
    return name;
}

DnsBytes dns_reply(const DnsBytes& question, uint8_t code, uint16_t answers) {
    DnsBytes reply(question.begin(), question.begin() + static_cast<ptrdiff_t>(end_of_question(question)));
    reply[2] = static_cast<uint8_t>(reply[2] | 0x80);
    reply[3] = static_cast<uint8_t>(0x80 | code);
    reply[6] = static_cast<uint8_t>(answers >> 8);
    reply[7] = static_cast<uint8_t>(answers);
    for (size_t at = 8; at < kHeader; ++at) // no authority, nothing additional
        reply[at] = 0;
    return reply;
}

void add_address(DnsBytes& reply, const Address& address, uint32_t ttl) {
    add16(reply, 0xc000 | kHeader); // the question's name
    add16(reply, address.family == BH_IPV4 ? 1 : 28);
    add16(reply, 1);
    add16(reply, static_cast<uint16_t>(ttl >> 16));
    add16(reply, static_cast<uint16_t>(ttl));
    const auto size = static_cast<uint16_t>(address.bits() / 8);
    add16(reply, size);
    reply.insert(reply.end(), address.bytes.begin(), address.bytes.begin() + size);
}

Result<std::unique_ptr<DnsResponder>> DnsResponder::start(uint8_t family, Reply reply) {
    const bool is_v4 = family == BH_IPV4;
    Fd socket(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) return fail("open a socket for DNS", errno);
    auto address = SocketAddress::of(*Address::parse(is_v4 ? "127.0.0.1" : "::1"), 0);
    if (bind(socket.get(), address.raw(), address.size) != 0) return fail("bind a socket for DNS", errno);
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0)
        return fail("learn the port of a socket for DNS", errno);
    const auto port = std::to_string(address.port());
    const auto text = (is_v4 ? "127.0.0.1:" : "[::1]:") + port;
    return std::unique_ptr<DnsResponder>(new DnsResponder(std::move(socket), text, std::move(reply)));
}

DnsResponder::DnsResponder(Fd socket, std::string text, Reply reply)
    : socket_(std::move(socket)), text_(std::move(text)), reply_(std::move(reply)), thread_([this] { serve(); }) {}

DnsResponder::~DnsResponder() {
    ending_ = true;
    thread_.join();
}

void DnsResponder::serve() {
    DnsBytes question;
    while (!ending_) {
        if (!readable(socket_, after(20ms))) continue;
        question.resize(4096);
        SocketAddress from = SocketAddress::any(BH_IPV6, 0);
        from.size = sizeof from.storage;
        const ssize_t size = recvfrom(socket_.get(), question.data(), question.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from.storage), &from.size);
        if (size <= 0) continue;
        question.resize(static_cast<size_t>(size));
        ++questions_;
        for (const auto& reply : reply_(question))
            sendto(socket_.get(), reply.data(), reply.size(), 0, from.raw(), from.size);
    }
}

} // namespace bulkhead::test
