// SPDX-License-Identifier: Apache-2.0
//
// Keeps this node's IdentitySlices at the API server as they should be: writes what differs, one write for
// all that happened meanwhile, and removes those that nothing stands for. Two writes of one slice are at
// least a moment apart, so that a burst of pods is a write and not one each. A slice that the server refuses
// holds up no other.
//
// A pod that moves to another slice (its namespace joined a tenant, say) is taken from the old one once the server has
// the new one: until then others wouldn't know it. Only for so long, and not where the server says that it never will.
//
// Which slices are there is asked first, and again now and then: somebody may have removed or changed them.
// One thread; see Session for who calls when.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "publish/slices.h"
#include "source/kube/session.h"
#include "source/kube/status.h"

namespace bulkhead::publish {

struct Pace {
    std::chrono::milliseconds between_writes{100}; // of one slice
    std::chrono::milliseconds between_looks{600'000};
    // bulkhead-controller speaks for a node until it hears that its agent runs, and may speak last: so the first looks
    // are as far apart as the agent is old, this at least.
    std::chrono::milliseconds second_look{10'000};
    std::chrono::milliseconds longest_hold{300'000}; // of what takes pods away that another slice hasn't got yet
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

    /// The server has all these addresses as that pod's ("namespace/name"), and of no addresses at least one.
    bool has_published(const std::string& pod, const std::vector<Address>& addresses) const;

    std::string error() const; // in words; empty = all is well

    struct Counts {
        uint64_t writes = 0; // that the server took
        uint64_t removals = 0;
        uint64_t failures = 0;
    };
    const Counts& counts() const { return counts_; }

private:
    using Response = source::kube::Response;
    struct Slice {
        std::string text; // as we write it; empty = otherwise, or not known
        nlohmann::json object;
    };
    using SlicesByName = std::map<std::string, Slice>;
    /// The entries of pods that the server hasn't in that slice yet.
    struct Arrival {
        std::string slice;
        nlohmann::json entry;
    };
    using Arrivals = std::map<std::string, Arrival>; // by pod
    /// Body of a write; empty = a removal.
    using Steps = std::map<std::string, std::string>; // by slice

    /// One request at a time, and what became of the last.
    struct Way {
        explicit Way(uint32_t seed) : backoff(seed) {}
        source::kube::HttpClient::TransferPtr transfer{nullptr, nullptr};
        uint64_t proof_version = 0;
        std::string body; // of the write under way; empty = a removal
        std::string answer;
        source::kube::Backoff backoff;
        Time next{};  // not before
        Time ended{}; // the last one
        std::string error;
        bool refused = false; // as it is, the server will never take it
        std::optional<Time> held_since{};
    };

    Way& way_of(const std::string& name);
    bool is_due(Way& way, Time now);
    void look();
    void take_look(const Response& response);
    std::chrono::milliseconds until_next_look(Time now);
    void compare(SlicesByName found);
    void write(const std::string& name, Way& way, std::string body);
    void end_write(const std::string& name, const Response& response);
    void learn_version(const std::string& object);
    void start(Way& way, source::kube::Request request, std::function<void(const Response&)> on_end);
    void fail(Way& way, const std::string& what, const std::string& verbs, const Response& response);
    std::set<std::string> different() const;
    Steps steps(Time now);
    Arrivals arrivals(const std::set<std::string>& names) const;
    std::optional<std::string> step_of(const std::string& name, const Arrivals& arrivals, Time now);
    bool may_hold(Way& way, Time now);

    source::kube::Session& session_;
    std::string node_;
    Pace pace_;
    SlicesByName wanted_;
    SlicesByName there_; // as the server has them
    bool known_ = false; // there_ has all
    Way look_;
    Time look_began_{};
    std::optional<Time> known_since_;
    // The newest that we have seen, which a look must not be older than. From the server's memory, which etcd needn't
    // be asked for: a look at the cluster's every slice by every node would be too much for it.
    uint64_t version_ = 0;
    std::map<std::string, Way> ways_;
    std::string disturbance_; // somebody else writes our slices
    Counts counts_;
};

} // namespace bulkhead::publish
