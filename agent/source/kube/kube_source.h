// SPDX-License-Identifier: Apache-2.0
//
// An API server as the source of truth: one reflector a resource, all over one client. While the server is
// away, slow or refuses us, what it said last stays in force, and a problem says what is wrong. Nothing is told before
// every resource's first list is complete.
//
//   HttpClient -> Reflector (lists, watches) -> Intake (decodes) -> cluster state
//
// One thread; an fd to poll.
#pragma once

#include <memory>

#include "source/kube/reflector.h"
#include "source/kube/known_versions.h"
#include "source/kube/resource.h"
#include "source/kube/session.h"
#include "source/source.h"
#include "state/pool.h"

namespace bulkhead::source::kube {

/// A resource that isn't for the cluster state: `sink` is told of it, and counts like the others.
struct Tap {
    Resource resource;
    ReflectorSink& sink;
};

class KubeSource : public Source {
public:
    /// Asks nothing yet. Does the session's work with its own, in update(); the session and the taps' sinks must
    /// outlive it.
    KubeSource(Session& session, std::vector<Resource> resources, std::vector<Tap> taps = {}, Patience patience = {});
    ~KubeSource() override;

    /// Remembers in this file how far the server has told, and begins there. Before the first update().
    void remember_in(const std::string& path);

    int fd() const override { return session_.fd(); }
    void update(state::Cluster& cluster) override;
    bool synced() const override { return synced_; }
    const std::vector<std::string>& unheard() const override { return unheard_; } // objects: "Tenant payments"
    std::optional<std::chrono::milliseconds> retry_after() const override { return std::nullopt; } // fd() tells
    const std::vector<state::Problem>& problems() const override { return problems_; }

    Hearing hearing() const override;

private:
    struct Follower;

    void ask_version();
    void start_followers();
    void tick();
    bool all_synced() const;
    void release(state::Cluster& cluster);
    void collect();

    void remember(std::chrono::steady_clock::time_point now);
    Session& session_;
    std::chrono::steady_clock::time_point created_ = std::chrono::steady_clock::now();
    state::Pool pool_;
    HttpClient::TransferPtr version_request_{nullptr, nullptr};
    std::string version_body_;
    bool started_ = false;
    std::vector<std::unique_ptr<Follower>> followers_;

    bool synced_ = false;
    std::vector<state::Problem> problems_;
    std::vector<std::string> unheard_;
    std::optional<KnownVersions> known_;
};

} // namespace bulkhead::source::kube
