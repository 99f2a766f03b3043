// SPDX-License-Identifier: Apache-2.0
//
// A real authoritative DNS server (Knot DNS, from Debian's package), for one zone that a test changes while it runs. It
// listens on a loopback address of this process' own, so that tests side by side don't meet, or on one of another
// network namespace.
//
//   db.test      the test's zone; a CNAME is followed inside it
//   broken.test  SERVFAIL for every name: its file is missing
//   all others   REFUSED
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"

namespace bulkhead::test {

class DnsServer {
public:
    /// `records` as a zone file has them, names below db.test: "writer 5 A 10.0.0.1".
    static Result<std::unique_ptr<DnsServer>> start(const std::vector<std::string>& records);
    static Result<std::unique_ptr<DnsServer>> start_in(const Netns& netns, const std::string& address,
                                                       const std::vector<std::string>& records);
    ~DnsServer();
    DnsServer(const DnsServer&) = delete;

    /// "127.1.2.3:5300"
    const std::string& text() const { return text_; }

    /// All at once: "set writer 5 A 10.0.0.2", "unset writer A 10.0.0.1", "unset writer".
    Result<> change(const std::vector<std::string>& changes);

    void freeze() const; // it doesn't answer
    void thaw() const { process_->signal(SIGCONT); }
    void end();       // nobody listens there any more
    Result<> again(); // with the records it had when it ended

private:
    DnsServer(std::string folder, std::string text, const Netns* netns)
        : folder_(std::move(folder)), text_(std::move(text)), netns_(netns) {}
    static Result<std::unique_ptr<DnsServer>> start_at(const Netns* netns, const std::string& address,
                                                       const std::vector<std::string>& records);
    Result<> write_files(const std::vector<std::string>& records, const std::string& listen) const;
    Result<std::string> control(const std::string& commands) const;

    std::string folder_;
    std::string text_;
    const Netns* netns_; // outlives it; nullptr = here
    std::optional<Process> process_;
};

} // namespace bulkhead::test
