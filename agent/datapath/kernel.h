// SPDX-License-Identifier: Apache-2.0
//
// Our half of the kernel: the programs, loaded, and their maps, found again or made. Everything is pinned
// so that it outlives the agent; the destructor removes nothing. One Kernel per pin directory, which it
// holds locked.
//
// Maps that a former agent pinned are taken over, those of other sizes by copying: former_maps.h. Where that can't be,
// ours begin empty, and the programs that are attached go on with the old maps until ours know everything.
#pragma once

#include <optional>
#include <string>

#include "datapath/features.h"
#include "datapath/former_maps.h"
#include "datapath/jiffies.h"
#include "datapath/lock.h"
#include "datapath/maps.h"
#include "datapath/object.h"
#include "datapath/pin_dir.h"

namespace bulkhead::datapath {

/// Of what there are events, and how many at most.
struct Telling {
    bh_visibility visibility = BH_VISIBLE_CONVERSATIONS;
    uint32_t repeat_seconds = 60;       // between two about one refused conversation
    uint32_t events_per_second = 10000; // per CPU, of what passes and of what is refused each
};

class Kernel {
public:
    struct Settings {
        std::string pin_dir = "/sys/fs/bpf/bulkhead";
        Sizes sizes;
        Telling telling;
        uint32_t answer_mark = 0x1000;      // bit of skb->mark for answers that NAT may disguise; 0 = none
        std::optional<Features> features{}; // as probed already; empty = open() does
    };

    static Result<Kernel> open(const Settings& settings);

    /// Rehearsal programs that do count, remember and report, with maps of their own that nothing pins: for
    /// packet tables and benches. No lock, no pin directory.
    static Result<Kernel> open_private(const Settings& settings);

    /// The same programs and maps once more as a silent rehearsal: for explain.
    Result<Programs> load_rehearsal() const;

    const Maps& maps() const { return maps_; }
    const Programs& programs() const { return programs_; }
    const PinDir& pin_dir() const { return pin_dir_; }
    const Features& features() const { return features_; }
    const JiffiesClock& clock() const { return *clock_; }
    bool restored() const { return restored_; } // the maps know what a former agent wrote
    /// ... though they are others: what is attached still uses the old ones, and must not once these are changed.
    bool moved() const { return moved_; }
    /// They know nothing of it: what is attached has to go on until they know everything.
    bool waits() const { return waits_; }
    /// It doesn't have to any more.
    Result<> replace_former();

    /// Were conversations that are older than these maps adopted, by this agent or one before it? However an agent
    /// ends in between, the next one knows.
    bool adopted() const;
    Result<> note_adopted() const;

private:
    Kernel() = default;
    Result<> enter(const Settings& settings);
    Result<> take_features(const Settings& settings);
    Result<> take_over();
    Result<> load_beside_former();
    Result<> fill();
    Result<> take_seed(const MapFds& pinned);
    Result<> load(const bh_config& config, const MapFds& reused);
    Result<> pin_programs() const;
    Result<> introduce();
    bh_config config(bool rehearsal, bool silent) const;

    Sizes sizes_;
    uint32_t answer_mark_ = 0;
    Telling telling_;
    PinDir pin_dir_;
    std::optional<Lock> lock_;
    Features features_;
    MapFds map_fds_;
    Maps maps_;
    Programs programs_;
    std::optional<JiffiesClock> clock_;
    bh_skb_layout skb_layout_{};
    uint64_t seed_ = 0;
    FormerMaps former_;
    bool restored_ = false;
    bool moved_ = false;
    bool waits_ = false;
};

} // namespace bulkhead::datapath
