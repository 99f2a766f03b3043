// SPDX-License-Identifier: Apache-2.0
//
// Between a client and its DNS server: hands on what both say over UDP, except for names that a test has something else
// answered for, or nothing.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "support/dns_responder.h"

namespace bulkhead::test {

class DnsRelay {
public:
    using Replies = std::map<std::string, DnsResponder::Reply>; // by name: "writer.db.test"

    /// `server`: "127.1.2.3:5300". It listens on loopback too.
    static Result<std::unique_ptr<DnsRelay>> start(const std::string& server);
    DnsRelay(const DnsRelay&) = delete;

    /// "127.0.0.1:40000"
    const std::string& text() const { return responder_->text(); }

    /// Exactly these names are answered like that from now on.
    void answer(Replies replies);

    /// How often that name was asked for, whatever of it.
    size_t questions(const std::string& name) const;

private:
    explicit DnsRelay(const Endpoint& server) : server_(server) {}
    std::vector<DnsBytes> reply(const DnsBytes& question);
    std::vector<DnsBytes> ask_server(const DnsBytes& question) const;

    const Endpoint server_;
    mutable std::mutex mutex_; // guards what follows
    Replies replies_;
    std::map<std::string, size_t> questions_;

    std::unique_ptr<DnsResponder> responder_; // last: its thread uses all of the above
};

} // namespace bulkhead::test
