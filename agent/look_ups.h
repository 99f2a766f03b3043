// SPDX-License-Identifier: Apache-2.0
//
// AWSResources are looked up by the agent itself, with --resolve: with a directory as source no controller does it.
// What is found goes the way of the controller's word, as IdentitySlices of the cluster state:
//
//   cluster state -- AWSResources --> LookUpThread -- findings --> IdentitySlices of the cluster state
//                                                                 \-> a file, for the agent after this one
//
// Invariant: what is in force for a resource is what the last report of it says, or before the first one, the file.
// All on the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "found_file.h"
#include "look_up_thread.h"
#include "state/cluster.h"

namespace bulkhead {

class LookUps {
public:
    /// `loop` and `cluster` outlive it. `on_news` is called when what it says may be other than before.
    LookUps(Loop& loop, state::Cluster& cluster, const std::string& file, std::function<void()> on_news)
        : loop_(loop), cluster_(cluster), file_(file), on_news_(std::move(on_news)) {}

    /// What the file says is in force from now on; then asks. An error of the file is told, and nothing ends: what can
    /// be read of it counts, and the whole is kept beside.
    Result<> begin(resolve::Settings settings);

    /// Whenever the source has said something. `all_known`: nothing is there that can't be read just now, and might be
    /// an AWSResource, so that what was found for others may be forgotten, or a Tenant that says where to ask.
    void follow(bool all_known);

    /// What AWS and DNS don't answer.
    void add_problems(std::vector<state::Problem>& problems) const;

    const metrics::Families& metrics() const { return metrics_; }

private:
    using Resources = resolve::Resources;

    FoundFile::Found read_file();
    Resources wanted(bool all_known) const;
    void order(const Resources& resources);
    void take(LookUpThread::Report report);
    void set(const std::string& resource, const resolve::Remembered& found);
    void put(const std::string& resource, const resolve::Remembered& found);
    void keep();

    Loop& loop_;
    state::Cluster& cluster_;
    const FoundFile file_;
    const std::function<void()> on_news_;

    Resources asked_; // the last order's, without what was found
    uint64_t orders_ = 0;
    FoundFile::Found found_; // in force
    bool unkept_ = false;    // the file says something else
    std::string file_fault_; // what of the file couldn't be read
    std::string file_error_; // why it can't be written; told already
    std::map<std::string, resolve::Finding> findings_;
    metrics::Families metrics_;
    std::unique_ptr<LookUpThread> thread_;
};

} // namespace bulkhead
