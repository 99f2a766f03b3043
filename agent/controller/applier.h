// SPDX-License-Identifier: Apache-2.0
//
// Sends what somebody wants changed at the API server, until it no longer is wanted. Level-triggered: whoever wants
// changes compares what is there with what should be, as often as they like, and says all that is different; what was
// sent is not sent again before its echo had time to come back by the watches. One that the server refuses holds up no
// other, and is tried again later and later.
//
// One thread; see Session for who calls when.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "source/kube/call.h"

namespace bulkhead::controller {

struct Change {
    std::string what;              // "remove the start-up taint of node-a", for messages
    source::kube::Request request; // without a deadline
    std::string resource{};        // the AWSResource whose addresses it writes, if it does
};

/// By what they change: the path, as a rule.
using Changes = std::map<std::string, Change>;

class Applier {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `session` must outlive it.
    explicit Applier(source::kube::Session& session) : session_(session) {}

    /// All that is different, from now on.
    void set_wanted(Changes wanted);

    /// Starts what is due; after each work() of the session, by who leads.
    void tick(Time now);

    /// Drops what is under way, which may have been taken or not; for who no longer leads.
    void stop();

    bool idle() const; // nothing is under way or wanted
    std::vector<std::string> errors() const;

    /// AWSResources whose addresses the server has refused for a while, with its words at the first time: those of
    /// later tries may differ in a port or a duration.
    std::map<std::string, std::string> unpublished(Time now) const;

    struct Counts {
        uint64_t done = 0;
        uint64_t failures = 0;
    };
    const Counts& counts() const { return counts_; }

private:
    struct Way {
        explicit Way(source::kube::Session& session) : call(session), backoff(session.next_seed()) {}
        source::kube::Call call;
        std::string sent; // the body that the server took last
        source::kube::Backoff backoff;
        Time next{}; // not before
        std::string error;
        std::string first_error; // since it went well
        Time failing_since{};    // then
    };

    void start(const std::string& key, const Change& change, Way& way, Time now);
    void end(const std::string& key, const std::string& what, const source::kube::Response& response);

    source::kube::Session& session_;
    Changes wanted_;
    std::map<std::string, Way> ways_;
    size_t under_way_ = 0;
    Counts counts_;
};

} // namespace bulkhead::controller
