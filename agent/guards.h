// SPDX-License-Identifier: Apache-2.0
//
// Keeps our programs on exactly the interfaces that should have them: pods' veths and uplinks. An
// interface that can't be attached to is tried again with every attach(). One thread, and that of keep_in_front().
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "datapath/attach.h"
#include "datapath/filter_watch.h"

namespace bulkhead {

class Guards {
public:
    explicit Guards(datapath::Attacher attacher) : attacher_(std::move(attacher)) {}

    /// Others are overtaken from now on whatever the loop does, on a thread. Not to be moved after that.
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

    /// Puts them on what is. After its rows are in the kernel. Pods' veths that are guarded by stand-ins for now are
    /// left to finish_one(), so that nothing waits for links.
    void attach(const Wanted& wanted);

    /// Links where something stands in: of one veth, which takes some 20 ms. False: that failed.
    bool finish_one();
    bool unfinished() const { return !unfinished_.empty(); }

    /// Takes our programs off whatever a former agent guarded and nobody wants.
    void release_left_over();

    /// Looks whether they are still there, and mends.
    void check();
    void on_filter_event(uint32_t ifindex); // notes what the watch could not mend

    /// Is it a veth with our programs on it, as far as the last look tells?
    bool guards(uint32_t ifindex) const;
    /// Guarded, or by what stands in until the links are there: on this very device.
    bool judges(uint32_t ifindex, uint64_t device) const;
    size_t guarded() const;
    const std::set<uint32_t>& uplinks() const { return uplinks_; }
    const datapath::Attacher& attacher() const { return attacher_; }

    /// What failed in the last attach() and check().
    std::vector<std::string> errors() const;
    std::string error_of(uint32_t ifindex) const; // empty = none
    uint64_t error_count() const { return error_count_; }

private:
    bool guard(uint32_t ifindex, uint64_t device);
    void note(std::map<uint32_t, std::string>& errors, uint32_t ifindex, const Result<>& result);

    datapath::Attacher attacher_;
    std::map<uint32_t, uint64_t> veths_;      // attached: ifindex -> device
    std::map<uint32_t, uint64_t> unfinished_; // something stands in there
    std::set<uint32_t> uplinks_;              // attached
    std::map<uint32_t, std::string> attach_errors_;
    std::map<uint32_t, std::string> check_errors_;
    uint64_t error_count_ = 0;
    std::unique_ptr<datapath::FilterWatch> watch_; // uses attacher_, so it ends first
};

} // namespace bulkhead
