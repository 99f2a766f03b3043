// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes Events on objects whose problem keeps isolation from being as they ask: where people look first, by
// `kubectl describe`. Each problem is told once, and again every hour for as long as it lasts, because Events
// are forgotten after one. An Event's name comes from what it says, so another controller tells nothing twice. The only
// good news among them is that AWS and DNS answer again (see LookUpNews).
//
// One Event at a time, and not more of them than one in a while once a first few are told, whose turn it is by turns
// (see EventQueue): whoever has ten thousand broken objects finds them by `bulkheadctl status`. One that the server
// doesn't take waits longer and longer, and no other waits for it. One thread; see Session for who calls when.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controller/event_queue.h"
#include "controller/json.h"
#include "source/kube/call.h"
#include "state/objects.h"

namespace bulkhead::controller {

/// A problem's object, as an Event names it.
struct Concerned {
    std::string api_version;
    state::ObjectKey key;
    bool operator==(const Concerned&) const = default;
};

/// Of "Tenant payments", "Pod shop/web-1": nothing if no Event can be about it.
std::optional<Concerned> concerned_by(const state::Problem& problem);

/// The Event; `uid` of the object, without which `kubectl describe` doesn't show it.
Json event_of(const state::Problem& problem, const Concerned& concerned, const std::string& uid,
              std::chrono::sys_seconds now);

struct EventPace {
    double burst = 20;
    std::chrono::milliseconds between{3'000};
    std::chrono::milliseconds again{3'600'000};
};

class Events {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `session` must outlive it.
    Events(source::kube::Session& session, const EventPace& pace = {});

    /// All that there are, from now on.
    void set_problems(const std::vector<state::Problem>& problems);

    /// Starts what is due; after each work() of the session, by who leads.
    void tick(Time now);

    /// Drops what is under way; for who no longer leads.
    void stop();

    uint64_t told() const { return told_count_; }
    const std::string& error() const { return error_; }

private:
    using Response = source::kube::Response;

    struct Telling {
        state::Problem problem;
        Concerned concerned;
        std::string uid{};
    };

    bool may_tell(Time now);
    const state::Problem* next_due(Time now) const;
    void ask_uid(Telling telling);
    void take_object(Telling telling, const Response& object);
    void tell(const Telling& telling);
    void settle(const state::Problem& problem, const Response& response);
    void start(const source::kube::Request& request, std::function<void(const Response&)> on_end);

    source::kube::Session& session_;
    EventPace pace_;
    source::kube::Call call_;
    source::kube::Backoff backoff_;
    EventQueue queue_;
    std::optional<Telling> ready_; // its object is known
    double budget_;
    Time budget_at_{};
    Time next_{};
    uint64_t told_count_ = 0;
    std::string error_;
};

} // namespace bulkhead::controller
