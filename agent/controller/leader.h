// SPDX-License-Identifier: Apache-2.0
//
// Which of several controllers acts: the one that holds a Lease and renews it. Who doesn't hold it watches the Lease
// and takes it once nobody renewed it for its whole duration, by its own clock: the holder's is never compared with
// ours. The server takes a write only of who has read the newest version, so two can't take it at once; and a holder
// that can't renew stops acting well before anybody else may begin.
// (Kubernetes reference, coordination.k8s.io/v1 Lease.)
//
// One thread; see Session for who calls when.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "source/kube/call.h"

namespace bulkhead::controller {

struct LeaseTiming {
    std::chrono::seconds duration{10};        // nobody else may begin before
    std::chrono::milliseconds give_up{7'000}; // since the last renewal: we no longer act
    std::chrono::milliseconds renewal{2'000};
};

class Leader {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `session` must outlive it. `name` says who we are: another one for each replica, and for each start.
    Leader(source::kube::Session& session, const std::string& ns, std::string name, const LeaseTiming& timing = {});

    /// Starts what is due; after each work() of the session.
    void tick(Time now);

    bool leads(Time now) const { return now < leads_until_; }
    const std::string& holder() const { return holder_; } // as the server said last
    const std::string& error() const { return error_; }   // in words; empty = all is well

    /// Gives the Lease up, so that another one needn't wait. Takes it never again.
    void resign();
    bool resigned() const { return resigning_ && !call_.under_way(); }

private:
    using Json = nlohmann::json;
    using Response = source::kube::Response;

    void read();
    void take_read(const Response& response);
    void judge(const Json& lease);
    void learn(const Json& lease);
    void write();
    void take_write(const Response& response);
    Json lease_of(const std::string& holder) const;
    void start(const source::kube::Request& request, void (Leader::*on_end)(const Response&));
    void fail(const std::string& what, const Response& response);
    void again_in(std::chrono::milliseconds delay);

    source::kube::Session& session_;
    std::string ns_;
    std::string name_;
    LeaseTiming timing_;

    source::kube::Call call_;
    source::kube::Backoff backoff_;
    Time next_{};
    Time asked_at_{};

    std::string version_; // of the Lease, as the server said last; empty = there is none, or unknown
    std::string seen_version_;
    Time seen_at_{};              // since when it has that version
    Json lease_ = Json::object(); // as the server said last: it keeps fields that we know nothing of
    std::string holder_;
    Time leads_until_{};
    bool resigning_ = false;
    std::string error_;
};

} // namespace bulkhead::controller
