// SPDX-License-Identifier: Apache-2.0
//
// One conversation, from its client's side: it sends stamped messages at its own pace, expects each back, and judges
// what did not come by the rule as it was all the time in between. UDP clients go on for a while when their server is
// gone, to whoever has its address next. All on the traffic's thread.
#pragma once

#include <map>

#include "base/fd.h"
#include "pod.h"
#include "stamp.h"

namespace bulkhead::soak {

struct TalkPlan {
    uint64_t id = 0;
    PodPtr client;
    PodPtr server;
    uint8_t family = BH_IPV4;
    Port port = kPlain;
    bool tcp = false;
    Clock::duration interval{};
    Time ends{};
    Clock::duration delay{};       // until its server answers; datagrams only
    uint32_t size = sizeof(Stamp); // of its messages
};

class Talk {
public:
    Talk(TalkPlan plan, const Rules& rules, Ledger& ledger) : plan_(std::move(plan)), rules_(rules), ledger_(ledger) {}
    virtual ~Talk() = default;

    uint64_t id() const { return plan_.id; }
    const Fd& fd() const { return fd_; }
    bool is_over() const { return over_; }

    /// Opens the socket; the thread is in the client's namespace.
    virtual Result<> open() = 0;
    /// Something came, or can be sent.
    virtual void ready(uint32_t events) = 0;
    /// Sends what is due and judges what is overdue; comes back when to be called again.
    virtual Time tick(Time now) = 0;
    /// This pod is about to go.
    virtual void leave(const Pod& pod) = 0;
    void arrived(uint64_t number);
    /// Sends nothing more, but waits for what is under way.
    void finish() { plan_.ends = std::min(plan_.ends, Clock::now()); }

protected:
    struct Sent {
        Time at;
        bool arrived = false;
    };

    Result<> connect(int type);
    Ruling ruling() const { return rules_.ruling(question_of(*plan_.client, *plan_.server, plan_.port)); }
    Stamp next_stamp(Time now);
    bool both_live() const { return plan_.client->alive && plan_.server->alive; }
    std::string text() const;

    TalkPlan plan_;
    const Rules& rules_;
    Ledger& ledger_;
    const Time begun_ = Clock::now();
    Fd fd_;
    bool over_ = false;
    uint64_t number_ = 0;
    std::map<uint64_t, Sent> open_; // not answered yet
};

std::unique_ptr<Talk> make_talk(TalkPlan plan, const Rules& rules, Ledger& ledger);

} // namespace bulkhead::soak
