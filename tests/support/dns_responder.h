// SPDX-License-Identifier: Apache-2.0
//
// Answers DNS questions over UDP with whatever a test makes of them: what no real server says.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/sockets.h"

namespace bulkhead::test {

using DnsBytes = std::vector<uint8_t>;

class DnsResponder {
public:
    /// From a question to the datagrams that answer it, on a thread of its own.
    using Reply = std::function<std::vector<DnsBytes>(const DnsBytes& question)>;

    /// On loopback of that family.
    static Result<std::unique_ptr<DnsResponder>> start(uint8_t family, Reply reply);
    ~DnsResponder();
    DnsResponder(const DnsResponder&) = delete;

    /// "127.0.0.1:40000"
    const std::string& text() const { return text_; }
    size_t questions() const { return questions_; }

private:
    DnsResponder(Fd socket, std::string text, Reply reply);
    void serve();

    Fd socket_;
    std::string text_;
    Reply reply_;
    std::atomic<size_t> questions_ = 0;
    std::atomic<bool> ending_ = false;
    std::thread thread_;
};

/// What it asks for: "writer.db.test".
std::string dns_name(const DnsBytes& question);
/// A reply to it: response, recursion available, its question repeated, and that many answers to follow.
DnsBytes dns_reply(const DnsBytes& question, uint8_t code, uint16_t answers);
/// An A or AAAA record of the name that was asked for.
void add_address(DnsBytes& reply, const Address& address, uint32_t ttl);

} // namespace bulkhead::test
