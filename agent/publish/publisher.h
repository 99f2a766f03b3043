// SPDX-License-Identifier: Apache-2.0
//
// Keeps this node's IdentitySlices at the API server as they should be: writes what differs, one write for
// all that happened meanwhile, and removes those that nothing stands for. Two writes of one slice are at
// least a moment apart, so that a burst of pods is a write and not one each. A slice that the server refuses
// holds up no other.
//
// Which slices are there is asked first, and again now and then: somebody may have removed or changed them.
// One thread; see Session for who calls when.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "publish/slices.h"
#include "source/kube/session.h"
#include "source/kube/status.h"

namespace bulkhead::publish {

struct Pace {
    std::chrono::milliseconds between_writes{100}; // of one slice
    std::chrono::milliseconds between_looks{600'000};
    // bulkhead-controller speaks for a node until it hears that its agent runs, and may speak last.
    std::chrono::milliseconds second_look{10'000};
};

class Publisher {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `session` must outlive it.
    Publisher(source::kube::Session& session, std::string node, const Pace& pace = {});

    /// All of this node's slices from now on.
    void set_wanted(Slices wanted);

    /// Starts what is due; after each work() of the session.
    void tick(Time now);

    /// The server has everything that is wanted, and nothing else of ours, for all that we know.
    bool in_sync() const;

    std::string error() const; // in words; empty = all is well

    struct Counts {
        uint64_t writes = 0; // that the server took
        uint64_t removals = 0;
        uint64_t failures = 0;
    };
    const Counts& counts() const { return counts_; }

private:
    using Response = source::kube::Response;
    using Specs = std::map<std::string, nlohmann::json>; // of slices, by name

    /// One request at a time, and what became of the last.
    struct Way {
        explicit Way(uint32_t seed) : backoff(seed) {}
        source::kube::HttpClient::TransferPtr transfer{nullptr, nullptr};
        uint64_t proof_version = 0;
        std::string body; // of the write under way; empty = a removal
        std::string answer;
        source::kube::Backoff backoff;
        Time next{}; // not before
        std::string error;
    };

    Way& way_of(const std::string& name);
    bool is_due(Way& way, Time now);
    void look();
    void take_look(const Response& response);
    void compare(const Specs& specs);
    void write(const std::string& name, Way& way);
    void end_write(const std::string& name, const Response& response);
    void learn_version(const std::string& object);
    void start(Way& way, source::kube::Request request, std::function<void(const Response&)> on_end);
    void fail(Way& way, const std::string& what, const std::string& verbs, const Response& response);
    std::set<std::string> different() const;

    source::kube::Session& session_;
    std::string node_;
    Pace pace_;
    Slices wanted_;
    Slices there_;       // as the server took them; of those that it has otherwise, nothing but the name
    bool known_ = false; // there_ has all
    Way look_;
    // The newest that we have seen, which a look must not be older than. From the server's memory, which etcd needn't
    // be asked for: a look at the cluster's every slice by every node would be too much for it.
    uint64_t version_ = 0;
    std::map<std::string, Way> ways_;
    std::string disturbance_; // somebody else writes our slices
    Counts counts_;
};

} // namespace bulkhead::publish
