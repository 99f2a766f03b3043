// SPDX-License-Identifier: Apache-2.0
//
// Keeps this node's IdentitySlices at the API server as they should be: writes what differs, one write for
// all that happened meanwhile, and removes those that nothing stands for. Two writes of one slice are at
// least a moment apart, so that a burst of pods is a write and not one each.
//
// Which slices a former agent left is asked first. One thread; see Session for who calls when.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "publish/slices.h"
#include "source/kube/session.h"

namespace bulkhead::publish {

class Publisher {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `session` must outlive it.
    Publisher(source::kube::Session& session, std::string node);

    /// All of this node's slices from now on.
    void set_wanted(Slices wanted);

    /// Starts what is due; after each work() of the session.
    void tick(Time now);

    /// The server has everything that is wanted, and nothing else of ours.
    bool in_sync() const;

    const std::string& error() const { return error_; } // in words; empty = all is well

    struct Counts {
        uint64_t writes = 0; // that the server took
        uint64_t removals = 0;
        uint64_t failures = 0;
    };
    const Counts& counts() const { return counts_; }

private:
    struct Write {
        source::kube::HttpClient::TransferPtr transfer{nullptr, nullptr};
        std::string body; // empty = a removal
    };

    bool known() const { return known_; }
    void ask_known();
    void take_known(const source::kube::Response& response);
    void start_write(const std::string& name, const std::string& body);
    void end_write(const std::string& name, const source::kube::Response& response);
    bool start(source::kube::Request request, Write& write, std::function<void(const source::kube::Response&)> on_end);
    void fail(const std::string& what, const std::string& verbs, const source::kube::Response& response);
    std::set<std::string> due() const;

    source::kube::Session& session_;
    std::string node_;
    source::kube::Backoff backoff_;
    Slices wanted_;
    Slices there_;       // as the server took them; of those that a former agent left, nothing but the name
    bool known_ = false; // there_ has all
    Write listing_;
    std::string listed_;                  // the answer
    std::map<std::string, Write> writes_; // under way
    std::map<std::string, Time> next_write_;
    std::optional<Time> next_try_; // after a failure
    std::optional<source::kube::Backoff::Milliseconds> pause_;
    std::string error_;
    Counts counts_;
};

} // namespace bulkhead::publish
