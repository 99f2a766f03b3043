// SPDX-License-Identifier: Apache-2.0
//
// One node's agent: started in its namespace, ended, and watched. A watch of its own asks it, again and again, which
// generation of the manifests is in its kernel and whom it guards. Any thread may read; one thread starts and ends.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "pod.h"
#include "support/process.h"

namespace bulkhead::soak {

/// How an agent is run; another build is another program, other constants in the kernel's, another way of attaching.
struct Build {
    std::filesystem::path program;
    std::string attach = "auto";
    std::string answer_mark = "0x1000";

    std::string text() const { return program.filename().string() + ", " + attach + ", mark " + answer_mark; }
};

class Node {
public:
    struct Where {
        std::string net; // podnet's
        std::filesystem::path directory;
        std::filesystem::path source;
        std::string logs; // files begin with this
    };

    Node(size_t number, Where where, Ledger& ledger);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    const char* name() const { return kNodeNames.at(number_); }

    Result<> launch(const Build& build);
    /// Kills it and waits for its end.
    void kill();
    /// SIGTERM. An end that isn't a good one is a finding.
    void terminate();
    void signal(int number);
    /// The one that was launched last has answered.
    bool answers(test::Deadline deadline) const;
    /// And has all in the kernel that it was told.
    bool settles(test::Deadline deadline) const;
    /// It ended by itself: a finding, the first time.
    bool ended();
    /// Nobody answers there now, nor did since then; the end of time: somebody may.
    Time silent_since() const { return Time(Time::duration(silent_.load())); }

    /// Everything up to here is in the kernel.
    uint64_t generation() const;
    /// As the agent lists it: at these addresses, and on its own node guarded.
    bool knows(const Pod& pod) const;

    /// Nothing of its programs and maps is left in the kernel.
    Result<> detach() const;
    std::string socket() const { return where_.directory / (std::string(name()) + ".sock"); }
    /// Of the maps that a node has said are full.
    bool told_of_full(const std::string& map) const;
    void forget_full();

private:
    struct Row {
        std::set<std::string> addresses;
        std::string state;
    };
    struct Seen {
        uint64_t generation = 0; // listed
        std::map<std::string, Row> rows;
    };

    void watch();
    std::optional<Seen> look() const;
    bool is_in_force();
    void keep_log();
    void silent_from(Time time) { silent_ = time.time_since_epoch().count(); }
    std::filesystem::path pin_dir() const { return where_.directory / (std::string(name()) + ".pins"); }

    const size_t number_;
    const Where where_;
    Ledger& ledger_;
    std::optional<test::Process> process_;
    std::atomic<bool> over_{false};
    std::atomic<uint64_t> launches_{0};
    std::atomic<uint64_t> answered_{0}; // the launch that answered last
    std::atomic<uint64_t> settled_{0};  // that was in sync last
    std::atomic<Time::rep> silent_{Time::max().time_since_epoch().count()};
    uint64_t told_end_ = 0;    // the launch whose end was told
    mutable std::mutex mutex_; // of what follows
    Seen seen_;
    uint64_t in_force_ = 0;
    std::string errors_; // that its status told of
    std::thread watch_;
};

} // namespace bulkhead::soak
