// SPDX-License-Identifier: Apache-2.0
//
// Keeps our programs on exactly the interfaces that should have them: pods' veths and uplinks. An
// interface that can't be attached to is tried again with every attach().
//
// Whoever asks rtnetlink waits in a queue with all who wire pods just then, a tenth of a second and more in a burst. So
// each veth has a thread that does, some at a time, and the loop goes on; keep_in_front() has one, too. All else is the
// loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "datapath/attach.h"
#include "datapath/filter_watch.h"

namespace bulkhead {

class Guards {
public:
    static Result<std::unique_ptr<Guards>> create(datapath::Attacher attacher);

    /// Others are overtaken from now on whatever the loop does, on a thread.
    Result<> keep_in_front();

    /// Puts our programs where a former agent's are. Before what these read is changed.
    Result<> exchange() { return attacher_.exchange(); }

    struct Wanted {
        std::map<uint32_t, uint64_t> veths; // ifindex -> which device it is at the moment
        std::set<uint32_t> uplinks;
    };

    /// Takes our programs off what isn't wanted any more. Before those interfaces' rows are deleted.
    void release_others(const Wanted& wanted);

    /// See Attacher: while nothing is dropped.
    void take_time(bool enough) { attacher_.take_time(enough); }

    /// Does a former agent guard one of these veths, with programs that attach() will replace?
    bool finds_former(const Wanted& wanted) const;

    /// Begins to put them on what is. After its rows are in the kernel. Pods' veths first get what is quick; links,
    /// which take some 20 ms each, when all have that, one by one.
    void attach(const Wanted& wanted);

    /// Waits until all veths have what is quick, or can't have it.
    void wait();

    /// Readable when threads are done with something.
    int fd() const { return done_.get(); }
    /// Takes note of it. False: something failed, so attach() should come again.
    bool take_done();

    bool is_at_work() const { return is_beginning() || !unfinished_.empty(); }
    bool is_beginning() const { return !jobs_.empty() || !waiting_.empty(); }

    /// Takes our programs off whatever a former agent guarded and nobody wants.
    void release_left_over(const Wanted& wanted);

    /// Looks whether they are still there, and mends: begins to, unless it is still at it.
    void check();

    /// Is it a veth with our programs on it, as far as the last look tells?
    bool guards(uint32_t ifindex) const;
    /// Guarded, or by what stands in until the links are there: on this very device.
    bool judges(uint32_t ifindex, uint64_t device) const;
    size_t guarded() const;
    const std::set<uint32_t>& uplinks() const { return uplinks_; }
    /// Interfaces on which our programs took the place of a former agent's.
    uint64_t replacements() const { return replacements_; }
    const datapath::Attacher& attacher() const { return attacher_; }

    /// What failed in the last attach() and check().
    std::vector<std::string> errors() const;
    std::string error_of(uint32_t ifindex) const; // empty = none
    uint64_t error_count() const { return error_count_; }

private:
    struct Job {
        uint64_t device = 0;
        std::future<Result<bool>> guarded; // true = for good
        std::jthread thread;
    };
    struct Check {
        std::future<std::map<uint32_t, Error>> failed;
        std::jthread thread;
    };
    Guards(datapath::Attacher attacher, Fd done) : attacher_(std::move(attacher)), done_(std::move(done)) {}
    void release(uint32_t ifindex);
    bool is_known(uint32_t ifindex) const;
    void start_jobs();
    void start_links();
    void start(uint32_t ifindex, uint64_t device, std::function<Result<bool>()> work);
    bool finish(std::map<uint32_t, Job>::iterator job); // where it isn't done yet, waits
    void finish_check();
    void note(std::map<uint32_t, std::string>& errors, uint32_t ifindex, const Result<>& result);

    datapath::Attacher attacher_;
    Fd done_;
    std::map<uint32_t, uint64_t> waiting_;    // for a thread: ifindex -> device
    std::map<uint32_t, uint64_t> unfinished_; // something stands in there
    std::optional<uint32_t> links_under_way_; // ifindex
    std::chrono::steady_clock::time_point last_links_{};
    std::map<uint32_t, uint64_t> veths_; // attached
    std::set<uint32_t> uplinks_;         // attached
    std::set<uint32_t> former_;          // with a former agent's programs yet
    uint64_t replacements_ = 0;
    std::map<uint32_t, std::string> attach_errors_;
    std::map<uint32_t, std::string> check_errors_;
    uint64_t error_count_ = 0;
    // What uses the above, so it ends first.
    std::map<uint32_t, Job> jobs_; // by ifindex
    std::optional<Check> check_;
    std::unique_ptr<datapath::FilterWatch> watch_;
};

} // namespace bulkhead
